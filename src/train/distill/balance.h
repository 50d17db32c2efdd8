// Keeping the load of experts even while a parent is trained.
#pragma once

#include <vector>

#include "train/distill/batch_tensors.h"
#include "train/modules/observer.h"
#include "train/modules/parameters.h"
#include "train/parallel/processes.h"

namespace starnest::train {

// Counts, in one pass, the tokens that go to each expert. Padding is not counted.
class ExpertLoad : public Observer {
 public:
  explicit ExpertLoad(const BatchTensors& batch) : valid_(batch.valid), rows_of_batch_(batch.rows) {}

  void routing(int block, const Routing& routing) override;
  void sum_over(const Processes& processes);  // after the pass, where each process has a share of the batch
  double worst() const;  // largest load of an expert / mean load, over blocks; 1 when even, 0 without MoE blocks

 protected:
  struct Load {
    int block;
    Tensor counts;  // [E]
  };
  Tensor hits(const Routing& routing) const;  // [R, T, E] 1 where a token goes to an expert

  Tensor valid_;
  int64_t rows_of_batch_;
  std::vector<Load> loads_;
};

// Watches one pass. Padding is not counted. Sources: DeepSeek-V3's bias rule and sequence-wise loss as Megatron has
// them.
class ExpertBalance : public ExpertLoad {
 public:
  using ExpertLoad::ExpertLoad;

  void routing(int block, const Routing& routing) override;

  // mean over sequences of E sum_i f_i P_i, summed over blocks: f_i the share of the (token, slot) pairs that went to
  // expert i, P_i the mean of the normalised scores. 1 per block when even. Of a share: its part of that mean.
  // Undefined without MoE blocks.
  Tensor loss() const { return loss_; }
  // bias_i += step * sign(mean load - load_i)
  void update_biases(const Parameters& weights, double step) const;

 private:
  Tensor loss_;
};

}  // namespace starnest::train
