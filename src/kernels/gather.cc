#include "kernels/gather.h"

#include "kernels/checks.h"
#include "kernels/ops.h"

namespace starnest {

void gather_add(const Exec& exec, const Batch& batch, ByShells widths, MatView<const float> x,
                MatView<const int32_t> slots, MatView<const float> weights, MatView<float> y) {
  const size_t T = batch.rows();
  SN_CHECK(slots.rows >= T && weights.rows >= T && slots.cols == weights.cols && fits(batch, widths, x.cols) &&
               fits(batch, widths, y),
           "gather_add: shapes do not fit");
  exec.device.ops().gather_add(exec, batch, widths, x, slots, weights, y);
}

void take_rows(const Exec& exec, const Batch& batch, ByShells widths, MatView<const float> x,
               std::span<const size_t> rows, MatView<float> y) {
  SN_CHECK(rows.size() == batch.rows() && fits(batch, widths, x.cols) && fits(batch, widths, y),
           "take_rows: shapes do not fit");
  for (const size_t row : rows) SN_CHECK(row < x.rows, "take_rows: row out of range");
  exec.device.ops().take_rows(exec, batch, widths, x, rows, y);
}

}  // namespace starnest
