// Importance scores and the orders that follow from them.
#pragma once

#include <filesystem>
#include <map>
#include <utility>
#include <vector>

#include "train/importance/layer_ranking.h"
#include "train/modules/weights.h"

namespace starnest::train {

// Scores or orders by (block, axis); the residual channels are at block -1. One row [units], or [E, F] for the channels
// of routed experts, of which each expert has its own.
using ByAxis = std::map<std::pair<int, Axis>, Tensor>;

// Orders of units, most important first: new unit j is old unit order[j]. Of equal scores the lower index comes first.
// For grouped axes the score tensor is in file order and `groups` parts of it are ordered within themselves.
Tensor order_of(const Tensor& scores, int groups = 1);
ByAxis orders_of(const ModelSpec& spec, const ByAxis& scores);

// The model with its units in another order: the same function. Orders of the channels of an expert are by its old
// number. Axes without an order stay as they are.
Weights sorted(const Weights& weights, const ByAxis& orders);

// {"hidden": [..], "blocks": [{"block": 1, "moe_intermediate_size": [{"scores": [..]}, ..]}, ..], "dropped": [{"block":
// 4, "error": 0.01}, ..]} with every score in file order of the model that was ranked; "dropped" is `drops`, and absent
// when that is empty.
void write_scores(const std::filesystem::path& file, const ByAxis& scores, const std::vector<BlockDrop>& drops);

}  // namespace starnest::train
