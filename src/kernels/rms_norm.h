//   y[t,i] = gain[i] * x[t,i] / sqrt(mean_i x[t,i]^2 + eps)        i < widths of t
//
// widths  by shells
// x, y    [>= T, >= widest]  f32, rows may be strided; y may be x; columns past a row's width are left alone
// gain    [>= widest]        f32, used as is (no "1 + gain")
// The mean is over a row's own width, so a row of a smaller size is normalised as the slice is.
//
// Sums in f32, in an order that depends on the width and the instruction set only. Threads split tokens. Takes no
// scratch. Checked here: shapes (abort).
#pragma once

#include "base/view.h"
#include "kernels/batch.h"
#include "kernels/exec.h"

namespace starnest {

void rms_norm(const Exec& exec, const Batch& batch, ByShells widths, MatView<const float> x, VecView<const float> gain,
              float eps, MatView<float> y);

}  // namespace starnest
