// From a router's probabilities to sizes: the most probable chain of nested cells that keep their budgets.
#pragma once

#include <functional>
#include <vector>

#include "train/router/soft_size.h"

namespace starnest::train {

using Cell = std::vector<size_t>;  // the choice of each list, depth last

struct Chain {
  std::vector<Cell> cells;  // one per budget, the largest budget first; each contains the next and differs from it
  double score = 0;         // the sum over its cells
};

// The argmax of every list by itself: what a router says without regard to budgets and nesting.
Cell raw_argmax(const Probabilities& pi);

struct CostedCell {
  Cell cell;
  double cost = 0;
};
// Every combination of choices, each costed once. Throws Error above kMostCells.
inline constexpr uint64_t kMostCells = 200'000;
double combinations(const Choices& choices);
std::vector<CostedCell> all_cells(const Choices& choices, const std::function<double(const Cell&)>& cost);

// What a cell is worth as the size of a budget (by number); the higher the better.
using CellScore = std::function<double(size_t budget, const Cell&)>;

using LogProbabilities = std::vector<std::vector<std::vector<double>>>;  // [budget][list][choice], without noise
CellScore by_probability(LogProbabilities log_pi);                       // sum of log pi over the lists

// The `count` best chains of these cells, best first. `caps`: the largest cost of each budget, descending. A cell is
// feasible for a cap when its cost lies in [0.95, 1] of it, or, where no cell does, in (1, 1.05], and the full model
// never. Throws Error naming the nearest costs when a budget has no feasible cell, and when feasible cells do not nest.
std::vector<Chain> best_chains(const std::vector<CostedCell>& cells, const std::vector<double>& caps,
                               const CellScore& score, size_t count);

}  // namespace starnest::train
