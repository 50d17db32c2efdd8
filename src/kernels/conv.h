// Causal depthwise convolution with SiLU, over every sequence of a batch:
//   y[t,c] = silu(bias[c] + sum_{j<W} taps[c,j] * in[t-(W-1)+j, c]),   in[-(W-1)..-1] = history, in[t] = x[t]
//
// channels  C by shells
// x         [>= T, >= C]  f32, rows may be strided
// taps      [>= C, W]     f32, W >= 1; tap W-1 multiplies the current token
// bias      [>= C]        or empty (no bias)
// history   [W-1, C]      packed at this offset (floats, by shells) of a run's state, oldest row first; updated to the
//                         last W-1 rows of (history, x), values before the convolution
// y         [>= T, >= C]  f32; may be x, must not otherwise overlap anything
//
// Sums in f32: bias first, then taps in ascending order. Threads split runs and channels; where W is outside 2..4 the
// CPU runs plain loops on the calling thread. Gives its scratch back. Checked here: shapes (abort).
#pragma once

#include "base/view.h"
#include "kernels/batch.h"
#include "kernels/exec.h"

namespace starnest {

void causal_conv_silu(const Exec& exec, const Batch& batch, ByShells channels, MatView<const float> x,
                      MatView<const float> taps, VecView<const float> bias, ByShells history, MatView<float> y);

}  // namespace starnest
