#include "kernels/gather.h"

#include "kernels/cpu/grain.h"
#include "kernels/cpu/table.h"

namespace starnest::cpu {
namespace {

bool all_below(MatView<const int32_t> rows, size_t count, size_t limit) {
  for (size_t t = 0; t < count; ++t)
    for (size_t j = 0; j < rows.cols; ++j)
      if (rows(t, j) < 0 || size_t(rows(t, j)) >= limit) return false;
  return true;
}

void gather_add(const Exec& exec, const Batch& batch, ByShells widths, MatView<const float> x,
                MatView<const int32_t> slots, MatView<const float> weights, MatView<float> y) {
  SN_CHECK(all_below(slots, batch.rows(), x.rows), "gather_add: slot out of range");
  const size_t J = slots.cols;
  exec.pool.parallel_for(batch.rows(), grain_of(batch.widest(widths) * J), [&](size_t begin, size_t end) {
    for_each_row(batch.spans, begin, end, [&](size_t t, size_t shells) {
      const size_t width = widths[shells - 1];
      for (size_t j = 0; j < J; ++j) {
        const float weight = weights(t, j);
        const float* from = x.row(size_t(slots(t, j)));
        for (size_t i = 0; i < width; ++i) y.row(t)[i] += weight * from[i];
      }
    });
  });
}

void take_rows(const Exec& exec, const Batch& batch, ByShells widths, MatView<const float> x,
               std::span<const size_t> rows, MatView<float> y) {
  exec.pool.parallel_for(rows.size(), grain_of(batch.widest(widths)), [&](size_t begin, size_t end) {
    for_each_row(batch.spans, begin, end,
                 [&](size_t t, size_t shells) { std::copy_n(x.row(rows[t]), widths[shells - 1], y.row(t)); });
  });
}

}  // namespace

void put_gather(Ops& ops) {
  ops.gather_add = gather_add;
  ops.take_rows = take_rows;
}

}  // namespace starnest::cpu
