// The search for widths: trains a router beside the model, then decides.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "nest/sizes.h"
#include "train/distill/optimizer.h"
#include "train/router/cell_costs.h"
#include "train/router/router.h"

namespace starnest::train {

struct Budget {
  std::string name;  // of the size
  double cap = 0;    // the largest cost, in what CostMeasure counts
};

// Not thread-safe.
class WidthSearch {
 public:
  // Budgets by falling cap. Throws Error when a budget has no reachable cell.
  WidthSearch(const ModelSpec& spec, Choices choices, std::vector<Budget> budgets, const CostMeasure& of,
              const RouterSettings& settings, uint64_t seed);

  // A size as it stands at a step of the search: masks to run it with, and what its cost adds to the loss.
  struct Undecided {
    SizeContext context;
    Tensor budget_loss;
    double cost = 0;  // expected, over the cap
  };
  std::vector<Undecided> sizes_at(int64_t step) const;  // one per budget
  const std::vector<Tensor>& parameters() const { return router_.parameters(); }
  // AdamW with the router's own rate, warm-up and clip; `step` tells how many updates came before, also after a resume.
  // One gradient per parameter; undefined ones count as zero.
  void update(std::vector<Tensor> gradients, int64_t step);

  int64_t steps() const { return settings_.steps; }
  const std::vector<Budget>& budgets() const { return budgets_; }

  // Takes the best of the 8 most probable chains by `loss` of its sizes (e.g. the mean KL on unseen batches). Returns
  // what was tried, and the router's raw argmax beside it, a line each. From then on the router must not change.
  std::string decide(const std::function<double(const std::vector<Size>&)>& loss);
  bool decided() const { return decided_.item<float>() >= 0; }
  std::vector<Size> sizes() const;  // one per budget, once decided

  // What a checkpoint must hold, by name: the tensors in use.
  std::map<std::string, Tensor> state() const;

 private:
  std::vector<Chain> chains() const;
  std::vector<Size> sizes_of(const std::vector<Cell>& cells) const;

  ModelSpec spec_;
  Choices choices_;
  std::vector<Budget> budgets_;
  CostMeasure of_;
  RouterSettings settings_;
  uint64_t seed_;
  Router router_;
  Ranks alone_;  // every process makes the same update
  AdamW optimizer_;
  CellCosts costs_;
  std::vector<CostedCell> cells_;  // all of them, if they can be listed
  std::vector<Chain> tried_;       // once this process has decided
  Tensor decided_;                 // [1] which of the chains was taken, or -1
};

}  // namespace starnest::train
