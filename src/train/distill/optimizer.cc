#include "train/distill/optimizer.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "base/check.h"
#include "base/range.h"

namespace starnest::train {
namespace {

// Matrices of linear maps and the tables; not norms, biases, convolution taps or the scalars of Mamba heads.
bool is_matrix(const Parameter& parameter) {
  return parameter.spec.dims.size() >= 2 && parameter.spec.role != Role::conv_taps;
}

std::vector<bool> decayed_of(const Parameters& weights) {
  std::vector<bool> decayed;
  for (const Parameter& parameter : weights.all())
    if (parameter.trained()) decayed.push_back(is_matrix(parameter));
  return decayed;
}

// The process that owns each parameter: the largest first, each to the one with the fewest elements so far.
std::vector<int> owners(const std::vector<Tensor>& parameters, int count) {
  std::vector<size_t> order(parameters.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return parameters[a].numel() > parameters[b].numel(); });
  std::vector<int> owner(parameters.size());
  std::vector<int64_t> load(size_t(count), 0);
  for (const size_t i : order) {
    const auto least = std::min_element(load.begin(), load.end());
    owner[i] = int(least - load.begin());
    *least += parameters[i].numel();
  }
  return owner;
}

}  // namespace

void check(const OptimizerSettings& settings) {
  require_real("--rate", settings.rate, {});
  require_real("--final-rate", settings.final_rate, {.high = 1});
  require_at_least("--warm-up", settings.warm_up, 0);
  require_real("--beta1", settings.beta1, {.high = 1, .without_high = true});
  require_real("--beta2", settings.beta2, {.high = 1, .without_high = true});
  require_real("--epsilon", settings.epsilon, {.without_low = true});
  require_real("--weight-decay", settings.weight_decay, {});
  require_real("--clip", settings.clip, {.without_low = true});
}

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

AdamW::AdamW(const Parameters& weights, const OptimizerSettings& settings, const Processes& processes)
    : AdamW(weights.trained(), decayed_of(weights), settings, processes) {}

AdamW::AdamW(std::vector<Tensor> parameters, std::vector<bool> decayed, const OptimizerSettings& settings,
             const Processes& processes)
    : settings_(settings),
      processes_(processes),
      parameters_(std::move(parameters)),
      decayed_(std::move(decayed)),
      owner_(owners(parameters_, processes.size())) {
  for (size_t i = 0; i < parameters_.size(); ++i)
    for (std::vector<Tensor>* moments : {&moments_.first, &moments_.second})
      moments->push_back(
          owner_[i] == processes_.number() ? torch::zeros_like(parameters_[i], torch::requires_grad(false)) : Tensor());
}

void AdamW::step(std::span<const Tensor> gradients, double rate) {
  SN_CHECK(gradients.size() == parameters_.size(), "one gradient per trained parameter");
  const torch::NoGradGuard no_gradients;
  ++steps_;
  step_group(gradients, rate, /*decayed=*/true);
  step_group(gradients, rate, /*decayed=*/false);
  for (int rank = 0; rank < processes_.size(); ++rank) {
    std::vector<Tensor> owned;
    for (size_t i = 0; i < parameters_.size(); ++i)
      if (owner_[i] == rank) owned.push_back(parameters_[i]);
    processes_.share(owned, rank);
  }
}

void AdamW::step_group(std::span<const Tensor> gradients, double rate, bool decayed) {
  std::vector<Tensor> parameters, group_gradients, first, second, steps;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (decayed_[i] != decayed || owner_[i] != processes_.number()) continue;
    parameters.push_back(parameters_[i]);
    group_gradients.push_back(gradients[i]);
    first.push_back(moments_.first[i]);
    second.push_back(moments_.second[i]);
    steps.push_back(torch::scalar_tensor(double(steps_)));
  }
  if (parameters.empty()) return;
  at::_fused_adamw_(parameters, group_gradients, first, second, /*max_exp_avg_sqs=*/{}, steps, rate, settings_.beta1,
                    settings_.beta2, decayed ? settings_.weight_decay : 0.0, settings_.epsilon, /*amsgrad=*/false,
                    /*maximize=*/false);
}

AdamW::Moments AdamW::gather() const {
  Moments all = moments_;
  for (size_t i = 0; i < parameters_.size(); ++i)
    for (std::vector<Tensor>* moments : {&all.first, &all.second}) {
      Tensor& moment = (*moments)[i];
      if (processes_.first() && !moment.defined())
        moment = torch::empty_like(parameters_[i], torch::requires_grad(false));
      processes_.move(moment, owner_[i], 0);
    }
  return all;
}

void AdamW::restore(const Moments& moments, int64_t steps) {
  const torch::NoGradGuard no_gradients;
  const auto take = [&](const std::vector<Tensor>& from, std::vector<Tensor>& into) {
    for (size_t i = 0; i < parameters_.size(); ++i) {
      if (owner_[i] == 0 && processes_.first()) into[i].copy_(from[i]);
      processes_.move(processes_.first() ? from[i] : into[i], 0, owner_[i]);
    }
  };
  take(moments.first, moments_.first);
  take(moments.second, moments_.second);
  steps_ = steps;
}

}  // namespace starnest::train
