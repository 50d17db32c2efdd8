// Causal depthwise convolution with SiLU:
//   y[t,c] = silu(bias[c] + sum_{j<W} taps[c,j] * in[t-(W-1)+j, c]),   in[-(W-1)..-1] = history, in[t] = x[t]
//
// x        [T, C]    f32, rows may be strided
// taps     [C, W]    f32, W >= 1; tap W-1 multiplies the current token
// bias     [C]       or empty (no bias)
// history  [W-1, C]  f32, oldest row first; updated to the last W-1 rows of (history, x), values before the convolution
// y        [T, C]    f32; may be x, must not otherwise overlap anything
//
// Sums in f32: bias first, then taps in ascending order. Threads split channels. Takes no scratch; W outside 2..4 runs
// the reference on the calling thread. Checked here: shapes (abort).
#pragma once

#include "base/view.h"
#include "kernels/exec.h"

namespace starnest {

void causal_conv_silu(const Exec& exec, MatView<const float> x, MatView<const float> taps, VecView<const float> bias,
                      MatView<float> history, MatView<float> y);

}  // namespace starnest
