// Mamba-2's gated norm, gate first, then one RMS norm per group:
//   v[t,i] = y[t,i] * silu(z[t,i])
//   y[t,i] = v[t,i] * gain[i] / sqrt(mean over the group of v[t,.]^2 + eps)
// Group g holds the channels of all pieces whose head % groups == g.
//
// z, y    [>= T, >= channels]  f32, rows may be strided; y in place, must not overlap z
// gain    [>= channels]
// pieces  by shells, as in ssm_scan; channels in no piece are left alone
//
// Sums in f32, over the channels of a group in the order given (pieces in turn, channels ascending); where one piece
// ends and the next begins does not change the bits. Threads split tokens and groups. Takes no scratch. Checked here:
// shapes, pieces within range (abort). The caller ensures that pieces are disjoint.
#pragma once

#include <span>

#include "base/view.h"
#include "kernels/batch.h"
#include "kernels/exec.h"
#include "kernels/ssm_scan.h"

namespace starnest {

void gated_norm(const Exec& exec, const Batch& batch, PiecesByShells pieces, MatView<const float> z,
                VecView<const float> gain, float eps, size_t groups, MatView<float> y);

}  // namespace starnest
