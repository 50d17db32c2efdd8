#include "kernels/gather.h"

#include "kernels/cpu/grain.h"
#include "kernels/ref/gather.h"

namespace starnest {
namespace {

bool all_below(MatView<const int32_t> rows, size_t limit) {
  for (size_t t = 0; t < rows.rows; ++t)
    for (size_t j = 0; j < rows.cols; ++j)
      if (rows(t, j) < 0 || size_t(rows(t, j)) >= limit) return false;
  return true;
}

}  // namespace

void gather_add(const Exec& exec, MatView<const float> x, MatView<const int32_t> slots, MatView<const float> weights,
                MatView<float> y) {
  SN_CHECK(slots.rows == y.rows && weights.rows == y.rows && slots.cols == weights.cols && x.cols >= y.cols,
           "gather_add: shapes do not fit");
  SN_CHECK(all_below(slots, x.rows), "gather_add: slot out of range");
  exec.pool.parallel_for(y.rows, grain_of(y.cols * slots.cols), [&](size_t begin, size_t end) {
    const size_t count = end - begin;
    ref::gather_add(x, slots.row_range(begin, count), weights.row_range(begin, count), y.row_range(begin, count));
  });
}

}  // namespace starnest
