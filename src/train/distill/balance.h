// Keeping the load of experts even while a parent is trained.
#pragma once

#include <vector>

#include "train/distill/batch_tensors.h"
#include "train/modules/observer.h"
#include "train/modules/weights.h"

namespace starnest::train {

// Watches one pass. Padding is not counted. Sources: DeepSeek-V3's bias rule and sequence-wise loss as Megatron has
// them.
class ExpertBalance : public Observer {
 public:
  explicit ExpertBalance(const BatchTensors& batch) : valid_(batch.valid) {}

  void routing(int block, const Routing& routing) override;

  // mean over sequences of E sum_i f_i P_i, summed over blocks: f_i the share of the (token, slot) pairs that went to
  // expert i, P_i the mean of the normalised scores. 1 per block when even. Undefined without MoE blocks.
  Tensor loss() const { return loss_; }
  // bias_i += step * sign(mean load - load_i)
  void update_biases(const Weights& weights, double step) const;
  double worst_load() const;  // largest load of an expert / mean load, over blocks; 1 when even, 0 without MoE blocks

 private:
  struct Load {
    int block;
    Tensor counts;  // [E]
  };
  Tensor valid_;
  Tensor loss_;
  std::vector<Load> loads_;
};

}  // namespace starnest::train
