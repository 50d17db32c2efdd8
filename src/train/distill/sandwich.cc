#include "train/distill/sandwich.h"

#include <cmath>

namespace starnest::train {

bool SandwichResult::finite() const {
  for (const SizeResult& size : sizes)
    if (!std::isfinite(size.kl) || !std::isfinite(size.gradient_norm)) return false;
  return true;
}

SandwichResult sandwich(const Weights& student, const Tensor& teacher, const BatchTensors& batch,
                        std::span<const StudentSize> sizes, double clip) {
  const std::vector<Tensor> parameters = student.trained();
  SandwichResult result;
  for (const Tensor& parameter : parameters)
    result.gradients.push_back(torch::zeros_like(parameter, torch::requires_grad(false)));
  for (const StudentSize& size : sizes) {
    const Tensor kl = forward_kl(teacher, completion_logits(student, batch, size.context));
    const std::vector<Tensor> gradients = torch::autograd::grad({kl}, parameters, {}, /*retain_graph=*/false,
                                                                /*create_graph=*/false, /*allow_unused=*/true);
    const double norm = global_norm(gradients);
    const double scale = norm > clip ? clip / norm : 1.0;
    for (size_t i = 0; i < parameters.size(); ++i)
      if (gradients[i].defined()) result.gradients[i].add_(gradients[i], size.weight * scale);
    result.sizes.push_back({kl.item<double>(), norm, norm > clip});
  }
  return result;
}

}  // namespace starnest::train
