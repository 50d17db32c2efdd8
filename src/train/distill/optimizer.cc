#include "train/distill/optimizer.h"

#include <cmath>
#include <numbers>

#include "core/base/check.h"

namespace starnest::train {
namespace {

// Matrices of linear maps and the tables; not norms, biases, convolution taps or the scalars of Mamba heads.
bool is_matrix(const Parameter& parameter) {
  return parameter.spec.dims.size() >= 2 && parameter.spec.role != Role::conv_taps;
}

}  // namespace

double learning_rate(const OptimizerSettings& settings, int64_t step, int64_t steps) {
  if (step < settings.warm_up) return settings.rate * double(step + 1) / settings.warm_up;
  const double span = double(std::max<int64_t>(1, steps - settings.warm_up));
  const double progress = std::min(1.0, double(step - settings.warm_up) / span);
  const double cosine = 0.5 * (1 + std::cos(std::numbers::pi * progress));
  return settings.rate * (settings.final_rate + (1 - settings.final_rate) * cosine);
}

double global_norm(std::span<const Tensor> gradients) {
  std::vector<Tensor> defined;
  for (const Tensor& gradient : gradients)
    if (gradient.defined()) defined.push_back(gradient);
  if (defined.empty()) return 0;
  return torch::stack(at::_foreach_norm(defined)).norm().item<double>();
}

AdamW::AdamW(const Weights& weights, const OptimizerSettings& settings)
    : settings_(settings), parameters_(weights.trained()) {
  for (const Parameter& parameter : weights.all()) {
    if (!parameter.trained()) continue;
    decayed_.push_back(is_matrix(parameter));
    first_.push_back(torch::zeros_like(parameter.value, torch::requires_grad(false)));
    second_.push_back(torch::zeros_like(parameter.value, torch::requires_grad(false)));
  }
}

void AdamW::step(std::span<const Tensor> gradients, double rate) {
  SN_CHECK(gradients.size() == parameters_.size(), "one gradient per trained parameter");
  const torch::NoGradGuard no_gradients;
  ++steps_;
  step_group(gradients, rate, /*decayed=*/true);
  step_group(gradients, rate, /*decayed=*/false);
}

void AdamW::step_group(std::span<const Tensor> gradients, double rate, bool decayed) {
  std::vector<Tensor> parameters, group_gradients, first, second, steps;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (decayed_[i] != decayed) continue;
    parameters.push_back(parameters_[i]);
    group_gradients.push_back(gradients[i]);
    first.push_back(first_[i]);
    second.push_back(second_[i]);
    steps.push_back(torch::scalar_tensor(double(steps_)));
  }
  if (parameters.empty()) return;
  at::_fused_adamw_(parameters, group_gradients, first, second, /*max_exp_avg_sqs=*/{}, steps, rate, settings_.beta1,
                    settings_.beta2, decayed ? settings_.weight_decay : 0.0, settings_.epsilon, /*amsgrad=*/false,
                    /*maximize=*/false);
}

}  // namespace starnest::train
