#include "kernels/group.h"

#include <algorithm>

#include "kernels/cpu/table.h"

namespace starnest::cpu {
namespace {

// Counting sort by expert.
void group_by_expert(const Exec& exec, MatView<const int32_t> ids, const ExpertGroupArrays& groups) {
  const size_t experts = groups.begin.size() - 1;
  const ScratchScope scope(exec.arena);
  const std::span<size_t> next = exec.arena.array<size_t>(experts);
  std::fill(groups.begin.begin(), groups.begin.end(), size_t{0});
  for (size_t t = 0; t < ids.rows; ++t)
    for (size_t j = 0; j < ids.cols; ++j) {
      SN_CHECK(ids(t, j) >= 0 && size_t(ids(t, j)) < experts, "expert number out of range");
      ++groups.begin[size_t(ids(t, j)) + 1];
    }
  for (size_t e = 0; e < experts; ++e) groups.begin[e + 1] += groups.begin[e];
  std::copy_n(groups.begin.begin(), experts, next.begin());
  for (size_t t = 0; t < ids.rows; ++t)
    for (size_t j = 0; j < ids.cols; ++j) {
      const size_t slot = next[size_t(ids(t, j))]++;
      groups.rows[slot] = int32_t(t);
      groups.slots(t, j) = int32_t(slot);
    }
}

}  // namespace

void put_group(Ops& ops) { ops.group_by_expert = group_by_expert; }

}  // namespace starnest::cpu
