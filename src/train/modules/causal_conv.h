// The depthwise causal convolution before the scan.
#pragma once

#include <torch/torch.h>

namespace starnest::train {

// y_t = bias + sum_w taps[w] x_{t - (W-1) + w}, x before its segment being 0. x [R, T, C], taps [C, 1, W], bias [C] or
// undefined, segments [R, T] as in Sequences or undefined. One pass over memory forward and one backward, where ATen
// needs one per tap; rows are shared between threads, and sums over rows are added in order, so results repeat.
torch::Tensor causal_conv(const torch::Tensor& x, const torch::Tensor& taps, const torch::Tensor& bias,
                          const torch::Tensor& segments);

}  // namespace starnest::train
