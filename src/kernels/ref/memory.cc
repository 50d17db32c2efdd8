#include <algorithm>
#include <numeric>

#include "kernels/ref/ops.h"

namespace starnest::ref {

void take_rows(const Exec&, const Batch& batch, ByShells widths, MatView<const float> x, std::span<const size_t> rows,
               MatView<float> y) {
  for_each_row(batch, [&](size_t t, size_t shells) { std::copy_n(x.row(rows[t]), widths[shells - 1], y.row(t)); });
}

void read_memory(const Exec&, std::span<const uint64_t> words, std::span<uint64_t> sums) {
  std::fill(sums.begin(), sums.end(), uint64_t{0});
  sums[0] = std::accumulate(words.begin(), words.end(), uint64_t{0});
}

}  // namespace starnest::ref
