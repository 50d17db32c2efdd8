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

}  // namespace starnest
