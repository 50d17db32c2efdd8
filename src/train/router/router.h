// The trainable choice of widths under a budget (2511.16664 section 3): one small net per list of choices, from a code
// of the budget to the probabilities of the choices.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <torch/torch.h>

#include "train/router/choices.h"

namespace starnest::train {

struct RouterSettings {
  int steps = 0;                    // of search, before the widths are frozen; 0: max(400, 15 % of the run)
  double rate = 1e-2;               // absolute, not a multiple of the model's
  int warm_up = 60;                 // steps
  double clip = 1;                  // of the router's gradient alone
  int inner = 128;                  // width of a net
  double deviation = 0.1;           // of initial weights
  double final_temperature = 0.05;  // the temperature falls from 1 to this over the search
  double final_scale = 10;          // logits are multiplied by 1 rising to this
  double hard = 0.004;              // part of the passes that take the argmax with the gradient of the probabilities

  template <class Visitor>
  static void fields(Visitor&& field) {
    field("steps", &RouterSettings::steps, "steps of search before the widths are frozen; 0 = max(400, 15 %)");
    field("rate", &RouterSettings::rate, "learning rate of the router");
    field("warm_up", &RouterSettings::warm_up, "steps of linear warm-up of that rate");
    field("clip", &RouterSettings::clip, "largest norm of the router's gradient");
    field("inner", &RouterSettings::inner, "inner width of the router's nets");
    field("deviation", &RouterSettings::deviation, "standard deviation of their initial weights");
    field("final_temperature", &RouterSettings::final_temperature, "temperature at the end of the search, from 1");
    field("final_scale", &RouterSettings::final_scale, "factor of the logits at the end of the search, from 1");
    field("hard", &RouterSettings::hard, "part of the passes that take the argmax, in [0, 1]");
  }
};

// Throws Error naming the flag of the first setting that is out of range.
void check(const RouterSettings& settings);

// How probabilities are drawn. Noise follows from the key, the list and the choice, so a resumed run draws the same and
// no two lists share it.
struct Draw {
  double temperature = 1, scale = 1;
  std::optional<uint64_t> key = {};  // of (seed, step, ...); none: no noise
  double hard = 0;                   // RouterSettings::hard
};

// The draw of a step of the search: the schedules run from step 0 to `steps`.
Draw draw_of_step(const RouterSettings& settings, int64_t step, int64_t steps, uint64_t key);

// Gumbel(0, 1) number `index` of `key`: -log(-log U).
double gumbel_noise(uint64_t key, uint64_t index);

// pi = softmax((scale z + g) / temperature), or its argmax as one-hot with the gradient of pi.
torch::Tensor choose(const torch::Tensor& logits, const Draw& draw, uint64_t list);

// Budgets are numbered from 0, the largest first. Not thread-safe.
class Router {
 public:
  Router(const Choices& choices, size_t budgets, const RouterSettings& settings, uint64_t seed);

  // One tensor [count] per list, in the order of Choices.
  std::vector<torch::Tensor> probabilities(size_t budget, const Draw& draw) const;
  std::vector<torch::Tensor> logits(size_t budget) const;
  const std::vector<torch::Tensor>& parameters() const { return parameters_; }  // leaves

 private:
  std::vector<torch::Tensor> parameters_;  // of each list: first [inner, budgets], second [count, inner]
};

}  // namespace starnest::train
