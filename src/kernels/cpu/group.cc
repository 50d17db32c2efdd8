#include "kernels/group.h"

#include <algorithm>

namespace starnest {

ExpertGroups group_by_expert(const Exec& exec, MatView<const int32_t> ids, size_t experts) {
  const std::span<size_t> begin = exec.arena.array<size_t>(experts + 1);
  const std::span<size_t> next = exec.arena.array<size_t>(experts);
  const std::span<int32_t> rows = exec.arena.array<int32_t>(ids.rows * ids.cols);
  const MatView<int32_t> slots{exec.arena.array<int32_t>(ids.rows * ids.cols).data(), ids.rows, ids.cols, ids.cols};

  std::fill(begin.begin(), begin.end(), size_t{0});
  for (size_t t = 0; t < ids.rows; ++t)
    for (size_t j = 0; j < ids.cols; ++j) {
      SN_CHECK(ids(t, j) >= 0 && size_t(ids(t, j)) < experts, "expert number out of range");
      ++begin[size_t(ids(t, j)) + 1];
    }
  for (size_t e = 0; e < experts; ++e) begin[e + 1] += begin[e];
  std::copy_n(begin.begin(), experts, next.begin());
  for (size_t t = 0; t < ids.rows; ++t)
    for (size_t j = 0; j < ids.cols; ++j) {
      const size_t slot = next[size_t(ids(t, j))]++;
      rows[slot] = int32_t(t);
      slots(t, j) = int32_t(slot);
    }
  return {begin, rows, slots};
}

}  // namespace starnest
