// The Mamba-2 mixer, for training.
#pragma once

#include "train/modules/narrow.h"
#include "train/modules/observer.h"

namespace starnest::train {

//   [z | x B C | dt] = W_in u;  xBC = silu(conv(xBC));  dt = softplus(dt + dt_bias)
//   y = scan(x, dt, -exp(decay_log), B, C) + skip x;    out = W_out norm(y silu(z))
// u [R, T, D] -> [R, T, D]; segments as in Sequences. Masks of heads and head channels are applied once, to x after the
// convolution: a masked channel then has state 0 and y = 0, whatever z and dt are.
Tensor mamba2(const Tensor& u, const Tensor& segments, const Mamba2Spec& dims, const BlockView& weights,
              Observer* observer);

}  // namespace starnest::train
