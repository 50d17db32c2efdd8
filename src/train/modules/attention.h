// Causal attention without positional encoding, for training.
#pragma once

#include "train/modules/narrow.h"
#include "train/modules/observer.h"

namespace starnest::train {

//   out = W_o softmax(scale q k' + causal mask) v;  query head h reads key/value head h / (H/K)
// u [R, T, D] -> [R, T, D]; segments as in Sequences. A mask of query heads multiplies each head's result: zeroing q
// instead would average v.
Tensor attention(const Tensor& u, const Tensor& segments, const AttentionSpec& dims, const BlockView& weights,
                 Observer* observer);

}  // namespace starnest::train
