// Root-mean-square norms, exact when sliced and when masked.
#pragma once

#include "train/modules/size_context.h"

namespace starnest::train {

//   y = gain * x / sqrt(mean(x^2) + eps)
// x [..., D], gain [D]. With a mask over D, x is zero beyond the n kept channels, so the mean over N channels is n/N of
// the mean over the kept ones; eps * n/N inside and sqrt(n/N) outside give the norm of the slice exactly.
Tensor rms_norm(const Tensor& x, const Tensor& gain, double eps, const AxisMask& mask);

//   v = y * silu(z), then the norm above within each of `groups` equal parts of the M*P channels
// y, z [..., M*P], gain [M*P]. Masks of heads and of head channels both thin every group evenly. eps is the norm's own.
Tensor gated_norm(const Tensor& y, const Tensor& z, const Tensor& gain, double eps, int groups, const AxisMask& heads,
                  const AxisMask& channels);

}  // namespace starnest::train
