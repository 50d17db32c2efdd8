#include "kernels/elementwise.h"

#include "kernels/checks.h"
#include "kernels/ops.h"

namespace starnest {

void add(const Exec& exec, const Batch& batch, ByShells widths, MatView<const float> x, MatView<float> y) {
  SN_CHECK(fits(batch, widths, x) && fits(batch, widths, y), "add: shapes do not fit");
  exec.device.ops().add(exec, batch, widths, x, y);
}

void add_bias(const Exec& exec, const Batch& batch, ByShells widths, VecView<const float> bias, MatView<float> y) {
  if (bias.size == 0) return;
  SN_CHECK(fits(batch, widths, bias.size) && fits(batch, widths, y), "add_bias: shapes do not fit");
  exec.device.ops().add_bias(exec, batch, widths, bias, y);
}

void activate(const Exec& exec, const Batch& batch, ByShells widths, Activation activation, MatView<float> x) {
  SN_CHECK(fits(batch, widths, x), "activate: shapes do not fit");
  exec.device.ops().activate(exec, batch, widths, activation, x);
}

void softplus_add(const Exec& exec, const Batch& batch, ByShells widths, VecView<const float> bias, MatView<float> dt) {
  SN_CHECK(fits(batch, widths, bias.size) && fits(batch, widths, dt), "softplus_add: shapes do not fit");
  exec.device.ops().softplus_add(exec, batch, widths, bias, dt);
}

}  // namespace starnest
