#include "train/distill/balance.h"

#include <algorithm>

namespace starnest::train {

Tensor ExpertLoad::hits(const Routing& routing) const {
  const int64_t R = valid_.size(0), T = valid_.size(1), E = routing.scores.size(1);
  const auto options = routing.scores.options().requires_grad(false);
  return torch::zeros({R * T, E}, options).scatter(1, routing.chosen, 1.0).view({R, T, E}) *
         valid_.to(options).unsqueeze(-1);
}

void ExpertLoad::routing(int block, const Routing& routing) {
  loads_.push_back({block, hits(routing).sum(torch::IntArrayRef{0, 1})});
}

void ExpertLoad::sum_over(const Processes& processes) {
  std::vector<Tensor> counts;
  for (const Load& load : loads_) counts.push_back(load.counts);
  processes.sum(counts);
}

void ExpertBalance::routing(int block, const Routing& routing) {
  const int64_t R = valid_.size(0), T = valid_.size(1), E = routing.scores.size(1), J = routing.chosen.size(1);
  const Tensor valid = valid_.to(routing.scores.scalar_type());
  const Tensor tokens = valid.sum(1, true);    // [R, 1]
  const Tensor counts = hits(routing).sum(1);  // [R, E]
  const Tensor shares = routing.scores / (routing.scores.sum(-1, true) + 1e-20);
  const Tensor P = (shares.view({R, T, E}) * valid.unsqueeze(-1)).sum(1) / tokens;
  const Tensor loss = (counts / (tokens * J) * P).sum() * E / rows_of_batch_;
  loss_ = loss_.defined() ? loss_ + loss : loss;
  loads_.push_back({block, counts.sum(0)});
}

void ExpertBalance::update_biases(const Parameters& weights, double step) const {
  const torch::NoGradGuard no_gradients;
  for (const Load& load : loads_)
    weights(Role::gate_bias, load.block).add_(torch::sign(load.counts.mean() - load.counts), step);
}

double ExpertLoad::worst() const {
  double worst = 0;
  for (const Load& load : loads_) worst = std::max(worst, (load.counts.max() / load.counts.mean()).item<double>());
  return worst;
}

}  // namespace starnest::train
