// AdamW, the learning rate, and clipping.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "train/modules/weights.h"

namespace starnest::train {

struct OptimizerSettings {
  double rate = 3e-3;        // peak learning rate
  double final_rate = 0.02;  // the cosine ends at this part of the peak
  int warm_up = 100;         // steps of linear warm-up
  double beta1 = 0.9;
  double beta2 = 0.98;
  double epsilon = 1e-8;
  double weight_decay = 0.05;  // decoupled, on matrices only
  double clip = 1.0;           // largest norm of a gradient

  template <class Visitor>
  static void fields(Visitor&& field) {
    field("rate", &OptimizerSettings::rate, "peak learning rate");
    field("final_rate", &OptimizerSettings::final_rate, "the cosine ends at this part of the peak, in [0, 1]");
    field("warm_up", &OptimizerSettings::warm_up, "steps of linear warm-up");
    field("beta1", &OptimizerSettings::beta1, "AdamW: decay of the mean of gradients");
    field("beta2", &OptimizerSettings::beta2, "AdamW: decay of the mean of their squares");
    field("epsilon", &OptimizerSettings::epsilon, "AdamW: added to the root");
    field("weight_decay", &OptimizerSettings::weight_decay, "AdamW: decoupled decay, on matrices only");
    field("clip", &OptimizerSettings::clip, "largest norm of a gradient");
  }
};

// Rate of step `step` (from 0) of `steps`: (step + 1) / warm_up of the peak, then a cosine down to final_rate of it.
double learning_rate(const OptimizerSettings& settings, int64_t step, int64_t steps);

// Norm over all tensors; undefined ones count as zero.
double global_norm(std::span<const Tensor> gradients);

// Updates the trained parameters of a model in place. Refers to the tensors of `weights`. Not thread-safe.
class AdamW {
 public:
  AdamW(const Weights& weights, const OptimizerSettings& settings);

  // `gradients` in the order of Weights::trained(); contiguous, of full shape.
  void step(std::span<const Tensor> gradients, double rate);

  // What a checkpoint must hold, in the order of Weights::trained(); `steps` counts updates.
  std::vector<Tensor>& first_moments() { return first_; }
  std::vector<Tensor>& second_moments() { return second_; }
  int64_t steps() const { return steps_; }
  void set_steps(int64_t steps) { steps_ = steps; }

 private:
  void step_group(std::span<const Tensor> gradients, double rate, bool decayed);

  OptimizerSettings settings_;
  std::vector<Tensor> parameters_, first_, second_;
  std::vector<bool> decayed_;
  int64_t steps_ = 0;
};

}  // namespace starnest::train
