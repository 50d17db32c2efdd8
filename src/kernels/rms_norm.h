//   y[t,i] = gain[i] * x[t,i] / sqrt(mean_i x[t,i]^2 + eps)
//
// x, y  [T, D]  f32, rows may be strided; y may be x
// gain  [D]     f32, used as is (no "1 + gain")
// The mean is over the D columns given, so a sliced x is normalised over its own width.
//
// Sums in f32, in an order that depends on D and the instruction set only. Threads split tokens. Takes no scratch.
// Checked here: shapes (abort).
#pragma once

#include "base/view.h"
#include "kernels/exec.h"

namespace starnest {

void rms_norm(const Exec& exec, MatView<const float> x, VecView<const float> gain, float eps, MatView<float> y);

}  // namespace starnest
