#include "kernels/gather.h"

#include "kernels/cpu/grain.h"
#include "kernels/ref/gather.h"

namespace starnest {
namespace {

bool all_below(std::span<const int32_t> rows, size_t limit) {
  for (const int32_t row : rows)
    if (row < 0 || size_t(row) >= limit) return false;
  return true;
}

}  // namespace

void gather_rows(const Exec& exec, MatView<const float> x, std::span<const int32_t> rows, MatView<float> y) {
  SN_CHECK(rows.size() == y.rows && x.cols == y.cols, "gather_rows: shapes do not fit");
  SN_CHECK(all_below(rows, x.rows), "gather_rows: row out of range");
  exec.pool.parallel_for(rows.size(), grain_of(x.cols), [&](size_t begin, size_t end) {
    ref::gather_rows(x, rows.subspan(begin, end - begin), y.row_range(begin, end - begin));
  });
}

void scatter_add(const Exec& exec, MatView<const float> x, std::span<const int32_t> rows,
                 std::span<const float> weights, MatView<float> y) {
  SN_CHECK(rows.size() == x.rows && weights.size() == x.rows && x.cols == y.cols, "scatter_add: shapes do not fit");
  SN_CHECK(all_below(rows, y.rows), "scatter_add: row out of range");
  exec.pool.parallel_for(rows.size(), grain_of(x.cols), [&](size_t begin, size_t end) {
    const size_t count = end - begin;
    ref::scatter_add(x.row_range(begin, count), rows.subspan(begin, count), weights.subspan(begin, count), y);
  });
}

void gather_add(const Exec& exec, MatView<const float> x, MatView<const int32_t> slots, MatView<const float> weights,
                MatView<float> y) {
  SN_CHECK(slots.rows == y.rows && weights.rows == y.rows && slots.cols == weights.cols && x.cols >= y.cols,
           "gather_add: shapes do not fit");
  for (size_t t = 0; t < slots.rows; ++t)
    SN_CHECK(all_below({slots.row(t), slots.cols}, x.rows), "gather_add: slot out of range");
  exec.pool.parallel_for(y.rows, grain_of(y.cols * slots.cols), [&](size_t begin, size_t end) {
    const size_t count = end - begin;
    ref::gather_add(x, slots.row_range(begin, count), weights.row_range(begin, count), y.row_range(begin, count));
  });
}

}  // namespace starnest
