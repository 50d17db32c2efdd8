#include "kernels/conv.h"

#include "kernels/checks.h"
#include "kernels/ops.h"

namespace starnest {

void causal_conv_silu(const Exec& exec, const Batch& batch, ByShells channels, MatView<const float> x,
                      MatView<const float> taps, VecView<const float> bias, ByShells history, MatView<float> y) {
  SN_CHECK(fits(batch, channels, x) && fits(batch, channels, y) && fits(batch, channels, taps.rows) && taps.cols >= 1,
           "causal_conv_silu: shapes do not fit");
  SN_CHECK(bias.size == 0 || fits(batch, channels, bias.size), "causal_conv_silu: one bias per channel");
  SN_CHECK(runs_cover(batch) && history.size() >= batch.shells(), "causal_conv_silu: not a state for every row");
  exec.device.ops().causal_conv_silu(exec, batch, channels, x, taps, bias, history, y);
}

}  // namespace starnest
