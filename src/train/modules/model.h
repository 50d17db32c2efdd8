// The whole model: embedding, blocks, final norm, head.
#pragma once

#include "train/modules/observer.h"
#include "train/modules/parameters.h"
#include "train/modules/sequences.h"
#include "train/modules/size_context.h"

namespace starnest::train {

//   x = E[ids];  for each block: x = x + mixer(norm(x));  out = norm_f(x)
// input [R, T] -> [R, T, D]. Values are masked where they are written to the residual stream, once per path.
// `observer` may be nullptr. Gradients reach the full tensors of `weights` at every size.
Tensor hidden_states(const Parameters& weights, const Sequences& input, const SizeContext& size,
                     Observer* observer = nullptr);

// out [..., D] -> [..., V]
Tensor logits_of(const Parameters& weights, const Tensor& hidden, const SizeContext& size);

// Both: [R, T] -> [R, T, V]
Tensor logits(const Parameters& weights, const Sequences& input, const SizeContext& size, Observer* observer = nullptr);

}  // namespace starnest::train
