#include "train/distill/sandwich.h"

#include <cmath>

#include "train/distill/balance.h"

namespace starnest::train {
namespace {

// Over all tensors; undefined ones count as zero.
double dot(std::span<const Tensor> a, std::span<const Tensor> b) {
  Tensor sum;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!a[i].defined() || !b[i].defined()) continue;
    const Tensor product = (a[i] * b[i]).sum();
    sum = sum.defined() ? sum + product : product;
  }
  return sum.defined() ? sum.item<double>() : 0;
}

void add_to(std::vector<Tensor>& sums, const std::vector<Tensor>& gradients) {
  if (sums.size() < gradients.size()) sums.resize(gradients.size());
  for (size_t i = 0; i < gradients.size(); ++i)
    if (gradients[i].defined()) sums[i] = sums[i].defined() ? sums[i] + gradients[i] : gradients[i];
}

}  // namespace

bool SizeResult::finite() const { return std::isfinite(kl) && std::isfinite(gradient_norm); }

SandwichResult sandwich(const Parameters& student, const Tensor& teacher, const BatchTensors& batch,
                        std::span<const StudentSize> sizes, const StudentLoss& rule, const Processes& processes) {
  const std::vector<Tensor> parameters = student.trained();
  SandwichResult result;
  for (const Tensor& parameter : parameters)
    result.gradients.push_back(torch::zeros_like(parameter, torch::requires_grad(false)));
  std::vector<Tensor> first;  // the gradients of the first size
  double first_norm = 0;
  for (const StudentSize& size : sizes) {
    ExpertLoad load(batch);
    const Tensor logits = completion_logits(student, batch, size.context, &load);
    const Tensor kl = forward_kl(teacher, logits, batch.positions);
    const double ce = rule.cross_entropy;
    const Tensor learned = ce == 0 ? kl : (1 - ce) * kl + ce * cross_entropy(logits, batch.targets, batch.positions);
    std::vector<Tensor> inputs = parameters;
    inputs.insert(inputs.end(), size.router.begin(), size.router.end());
    // Every process adds its part of what is not a mean over its share.
    const Tensor loss = size.budget_loss.defined() ? learned + size.budget_loss / double(processes.size()) : learned;
    std::vector<Tensor> gradients = torch::autograd::grad({loss}, inputs, {}, /*retain_graph=*/false,
                                                          /*create_graph=*/false, /*allow_unused=*/true);
    processes.sum(gradients);
    const std::vector<Tensor> of_router(gradients.begin() + std::ptrdiff_t(parameters.size()), gradients.end());
    gradients.resize(parameters.size());
    add_to(result.router_gradients, of_router);
    load.sum_over(processes);
    const double norm = global_norm(gradients);
    const double scale = norm > rule.clip ? rule.clip / norm : 1.0;
    for (size_t i = 0; i < parameters.size(); ++i)
      if (gradients[i].defined()) result.gradients[i].add_(gradients[i], size.weight * scale);
    if (first.empty()) first = gradients, first_norm = norm;
    const double cosine = dot(gradients, first) / std::max(norm * first_norm, 1e-30);
    result.sizes.push_back({processes.sum({kl.item<double>()})[0], norm, norm > rule.clip, cosine, load.worst()});
  }
  return result;
}

}  // namespace starnest::train
