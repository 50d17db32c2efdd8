// The mixture of experts with one shared expert, for training.
#pragma once

#include "train/modules/narrow.h"
#include "train/modules/observer.h"

namespace starnest::train {

//   out = sum_j w_j down_{e_j}( relu(up_{e_j} u)^2 )  +  shared(u)
// u [R, T, D] -> [R, T, D]. Tokens are grouped by expert (routing.h); each expert runs one product of its own over its
// group, without padding.
Tensor moe(const Tensor& u, const MoeSpec& dims, const BlockView& weights, Observer* observer);

}  // namespace starnest::train
