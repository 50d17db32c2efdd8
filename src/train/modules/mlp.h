// The squared-ReLU feed-forward block, dense or as the shared expert, for training.
#pragma once

#include "train/modules/narrow.h"
#include "train/modules/observer.h"

namespace starnest::train {

//   out = W_down relu(W_up u)^2
// u [R, T, D] -> [R, T, D]. The mask of inner channels is applied after the activation.
Tensor mlp(const Tensor& u, const BlockView& weights, Observer* observer);
Tensor shared_expert(const Tensor& u, const BlockView& weights, Observer* observer);

Tensor squared_relu(const Tensor& x);

}  // namespace starnest::train
