#include "train/importance/importance.h"

#include "core/base/check.h"

namespace starnest::train {

void Importance::expect(const Tensor& mask) {
  mask_ = mask.to(torch::kDouble);
  positions_ = mask_.sum(1).clamp_min(1);
  samples_ += mask.size(0);
}

void Importance::add(int block, Axis axis, const Tensor& squares) {
  auto [entry, added] = sums_.try_emplace({block, axis}, squares);
  if (!added) entry->second = entry->second + squares;
}

void Importance::block_input(int block, const Tensor& normed) {
  SN_CHECK(mask_.defined() && mask_.size(1) == normed.size(1), "expect() was not called for this pass");
  const Tensor sums = (normed.detach().abs().to(torch::kDouble) * mask_.unsqueeze(-1)).sum(1);
  add(block, Axis::hidden, (sums / positions_.unsqueeze(-1)).square().sum(0));
}

void Importance::ffn(int block, Axis axis, const Tensor& activation) {
  const Tensor sums = (activation.detach().abs().to(torch::kDouble) * mask_.unsqueeze(-1)).sum(1);
  add(block, axis, (sums / positions_.unsqueeze(-1)).square().sum(0));
}

void Importance::experts(int block, const ExpertActivations& activations) {
  const int64_t R = mask_.size(0), T = mask_.size(1), E = std::get<MoeSpec>(spec_.blocks[size_t(block)]).experts;
  const int64_t rows = activations.values.size(0), F = activations.values.size(1);
  const Tensor counts = mask_.flatten().index_select(0, activations.tokens) * activations.used.to(torch::kDouble);
  const Tensor expert = torch::arange(E).repeat_interleave(rows / E);
  const Tensor place = expert * R + activations.tokens.floor_divide(T);  // (expert, sample) of each row
  const Tensor sums =
      torch::zeros({E * R, F}, torch::kDouble)
          .index_add(0, place, activations.values.detach().abs().to(torch::kDouble) * counts.unsqueeze(-1));
  const Tensor means = sums.view({E, R, F}) / positions_.view({1, R, 1});
  add(block, Axis::moe_ffn, means.square().sum(1));
}

ByAxis Importance::scores() const {
  ByAxis scores;
  for (const auto& [key, sum] : sums_) {
    const Tensor score = sum.sqrt();
    if (key.second != Axis::hidden) {
      scores[key] = score;
      continue;
    }
    auto [entry, added] = scores.try_emplace({-1, Axis::hidden}, score);
    if (!added) entry->second = entry->second + score;
  }
  return scores;
}

}  // namespace starnest::train
