// AdamW, the learning rate, and clipping.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "train/modules/parameters.h"
#include "train/parallel/processes.h"

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

// Throws Error naming the flag of the first setting that is out of range.
void check(const OptimizerSettings& settings);

// Rate of step `step` (from 0) of `steps`: (step + 1) / warm_up of the peak, then a cosine down to final_rate of it.
double learning_rate(const OptimizerSettings& settings, int64_t step, int64_t steps);

// Norm over all tensors; undefined ones count as zero.
double global_norm(std::span<const Tensor> gradients);

// Updates the trained parameters of a model in place. With several processes each one owns, holds the moments of and
// updates its part of the parameters, and sends them to the others (ZeRO stage 1, 1910.02054). Refers to the tensors of
// the parameters and to `processes`. Not thread-safe.
class AdamW {
 public:
  // The parameters are Parameters::trained(), of which the matrices decay.
  AdamW(const Parameters& weights, const OptimizerSettings& settings, const Processes& processes);
  // `decayed`: of each parameter, whether settings.weight_decay applies.
  AdamW(std::vector<Tensor> parameters, std::vector<bool> decayed, const OptimizerSettings& settings,
        const Processes& processes);

  // `gradients` in the order of the parameters; contiguous, of full shape, equal in every process.
  void step(std::span<const Tensor> gradients, double rate);

  // What a checkpoint must hold, in the order of the parameters.
  struct Moments {
    std::vector<Tensor> first, second;
  };
  // In the first process all moments, elsewhere undefined tensors. With one process they are those in use.
  Moments gather() const;
  // The opposite: takes from the first process what this one owns. `steps` counts the updates so far.
  void restore(const Moments& moments, int64_t steps);
  void set_steps(int64_t steps) { steps_ = steps; }

 private:
  void step_group(std::span<const Tensor> gradients, double rate, bool decayed);

  OptimizerSettings settings_;
  const Processes& processes_;
  std::vector<Tensor> parameters_;
  std::vector<bool> decayed_;
  std::vector<int> owner_;  // of each parameter
  Moments moments_;         // undefined for what another process owns
  int64_t steps_ = 0;
};

}  // namespace starnest::train
