// The model as one would first write it with ATen: no fused or grouped operation, one loop over the experts. The
// yardstick of the training benchmark, over the same weights.
#pragma once

#include "train/distill/batch_tensors.h"
#include "train/modules/parameters.h"

namespace starnest::train {

// Logits [n, V] at the completion positions of the full model.
torch::Tensor plain_completion_logits(const Parameters& weights, const BatchTensors& batch);

// AdamW, one parameter after the other.
class PlainAdamW {
 public:
  PlainAdamW(const Parameters& weights, double rate, double weight_decay);
  void step(std::span<const torch::Tensor> gradients);

 private:
  std::vector<torch::Tensor> parameters_, first_, second_;
  double rate_, weight_decay_;
  int64_t steps_ = 0;
};

}  // namespace starnest::train
