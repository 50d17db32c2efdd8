#include "train/importance/importance.h"

#include <vector>

#include "base/check.h"

namespace starnest::train {

void Importance::expect(const Tensor& mask) {
  mask_ = mask.to(torch::kDouble);
  positions_ = mask_.sum(1).clamp_min(1);
  samples_ += mask.size(0);
}

Tensor Importance::squares(const Tensor& activation) const {
  SN_CHECK(mask_.defined() && mask_.size(1) == activation.size(1), "expect() was not called for this pass");
  const auto over_units = [&](const Tensor& per_position) {
    std::vector<int64_t> shape = per_position.sizes().vec();
    shape.resize(size_t(activation.dim()), 1);
    return per_position.view(shape);
  };
  const Tensor sums = (activation.detach().abs().to(torch::kDouble) * over_units(mask_)).sum(1);
  return (sums / over_units(positions_.unsqueeze(1)).squeeze(1)).square().sum(0);
}

void Importance::add(ByAxis& sums, int block, Axis axis, const Tensor& sum) {
  auto [entry, added] = sums.try_emplace({block, axis}, sum);
  if (!added) entry->second = entry->second + sum;
}

void Importance::block_input(int block, const Tensor& normed) { add(sums_, block, Axis::hidden, squares(normed)); }

void Importance::ffn(int block, Axis axis, const Tensor& activation) { add(sums_, block, axis, squares(activation)); }

void Importance::mamba_input(int block, const Tensor& x) { add(sums_, block, Axis::mamba_heads, squares(x)); }

void Importance::attention_heads(int block, const Tensor& y) { add(sums_, block, Axis::query_heads, squares(y)); }

void Importance::experts(int block, const ExpertActivations& activations) {
  const MoeSpec& moe = std::get<MoeSpec>(spec_.blocks[size_t(block)]);
  const int64_t R = mask_.size(0), T = mask_.size(1), E = moe.experts;
  const int64_t F = activations.values.size(1);
  const Tensor counts = mask_.flatten().index_select(0, activations.tokens);
  const Tensor place = activations.experts * R + activations.tokens.floor_divide(T);  // (expert, sample) of each row
  const Tensor sums =
      torch::zeros({E * R, F}, torch::kDouble)
          .index_add(0, place, activations.values.detach().abs().to(torch::kDouble) * counts.unsqueeze(-1));
  const Tensor means = sums.view({E, R, F}) / positions_.view({1, R, 1});
  add(sums_, block, Axis::moe_ffn, means.square().sum(1));
  if (moe.groups > 1) return;
  const Tensor norms = activations.outputs.detach().to(torch::kDouble).norm(2, -1);
  const auto per_expert = [&](const Tensor& values) {
    return torch::zeros({E}, torch::kDouble).index_add(0, activations.experts, values);
  };
  add(reap_, block, Axis::experts, per_expert(norms * activations.weights.detach() * counts));
  add(routed_, block, Axis::experts, per_expert(counts));
}

ByAxis Importance::scores() const {
  ByAxis scores;
  for (const auto& [key, sum] : sums_) {
    const auto [block, axis] = key;
    const Tensor score = sum.sqrt();
    if (axis == Axis::hidden) {
      auto [entry, added] = scores.try_emplace({-1, Axis::hidden}, score);
      if (!added) entry->second = entry->second + score;
    } else if (axis == Axis::mamba_heads) {
      scores[key] = score.norm(2, 1);
      scores[{block, Axis::mamba_head_dim}] = score.norm(2, 0);
    } else {
      scores[key] = axis == Axis::query_heads ? score.norm(2, 1) : score;
    }
  }
  for (const auto& [key, sum] : reap_) scores[key] = sum / routed_.at(key).clamp_min(1);
  return scores;
}

}  // namespace starnest::train
