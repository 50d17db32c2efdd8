#include "train/importance/layer_ranking.h"

#include <optional>

#include "train/distill/losses.h"

namespace starnest::train {

std::vector<BlockDrop> rank_layers(const Weights& weights, const std::vector<BatchTensors>& batches,
                                   const std::function<void(int64_t, int64_t)>& progress) {
  const torch::NoGradGuard no_gradients;
  std::vector<Tensor> full;
  double scale = 0;
  for (const BatchTensors& batch : batches) {
    full.push_back(measured_logits(weights, batch, SizeContext::full()));
    scale += full.back().to(torch::kDouble).square().sum().item<double>();
  }
  const auto error_at = [&](const Widths& widths) {
    double sum = 0;
    for (size_t i = 0; i < batches.size(); ++i)
      sum += (measured_logits(weights, batches[i], SizeContext::narrow(widths)) - full[i])
                 .to(torch::kDouble)
                 .square()
                 .sum()
                 .item<double>();
    return sum / scale;
  };

  Widths widths = full_widths(weights.spec());
  const int64_t n = int64_t(widths.blocks.size()), total = n * (n + 1) / 2 - 1;
  int64_t done = 0;
  std::vector<BlockDrop> drops;
  while (widths.kept_blocks() > 1) {
    std::optional<BlockDrop> best;
    for (int b = 0; b < int(n); ++b) {
      if (!widths.blocks[size_t(b)].kept) continue;
      widths.blocks[size_t(b)].kept = false;
      const double error = error_at(widths);
      widths.blocks[size_t(b)].kept = true;
      if (!best || error < best->error) best = {b, error};
      if (progress) progress(++done, total);
    }
    widths.blocks[size_t(best->block)].kept = false;
    drops.push_back(*best);
  }
  return drops;
}

}  // namespace starnest::train
