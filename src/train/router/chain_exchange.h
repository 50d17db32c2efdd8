// The most probable chains among more cells than can be listed, as lists for every block make them.
#pragma once

#include "train/router/cell_costs.h"

namespace starnest::train {

// As best_chains by probability, but found by exchange: from every choice in the lists that all blocks share, with the
// argmax of the others, brought within the caps by the changes that cost the least probability for their part of the
// way; then every change of one list, with what it takes to keep the caps again, for each of the best `count` chains
// until none of them gets better. Not exhaustive. `caps` descending. Throws Error, with the costs of the widest and the
// narrowest cell, when no way leads into [0.95, 1] of the caps (or, where none leads into that of one cap alone, 1.05).
std::vector<Chain> exchanged_chains(const Choices& choices, const CellCosts& costs, const std::vector<double>& caps,
                                    const LogProbabilities& log_pi, size_t count);

}  // namespace starnest::train
