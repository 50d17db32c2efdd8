#include "train/importance/importance.h"

#include <gtest/gtest.h>

#include "train/modules/model.h"
#include "train/modules/test_models.h"

namespace starnest::train {
namespace {

using test_models::random_weights;
using test_models::small_spec;
using test_models::some_ids;

Tensor some_mask() {
  const Tensor mask = torch::zeros({3, 9});
  mask.narrow(1, 4, 4).fill_(1);
  mask[0][7] = 0;
  return mask;
}

ByAxis random_orders(const ModelSpec& spec) {
  torch::manual_seed(4);
  const Widths full = full_widths(spec);
  ByAxis scores;
  scores[{-1, Axis::hidden}] = torch::rand({spec.hidden});
  for (int b = 0; b < int(spec.blocks.size()); ++b)
    for (const Axis axis : kDials) {
      const int units = full.blocks[size_t(b)][axis];
      if (axis == Axis::hidden || units == 0) continue;
      const int experts = full.blocks[size_t(b)][Axis::experts];
      scores[{b, axis}] = axis == Axis::moe_ffn ? torch::rand({experts, units}) : torch::rand({units});
    }
  return orders_of(spec, scores);
}

TEST(Sorting, EveryOrderAloneAndAllTogetherLeaveTheFunctionAlone) {
  const ModelSpec spec = small_spec(/*bias=*/true);
  const Parameters weights = random_weights(spec, torch::kDouble);
  const ByAxis all = random_orders(spec);
  const torch::NoGradGuard no_gradients;
  const Tensor expected = logits(weights, some_ids(), SizeContext::full());
  std::vector<ByAxis> cases{all};
  for (const auto& [key, order] : all) cases.push_back({{key, order}});
  for (const ByAxis& orders : cases) {
    const Parameters moved = sorted(weights, orders);
    const Tensor got = logits(moved, some_ids(), SizeContext::full());
    EXPECT_LT(((got - expected).abs().max() / expected.abs().max()).item<double>(), 1e-12);
    bool differs = false;
    for (size_t i = 0; i < moved.all().size(); ++i) differs |= !moved.all()[i].value.equal(weights.all()[i].value);
    EXPECT_TRUE(differs);
  }
}

TEST(Sorting, TiesKeepTheirOrderAndGroupsStayApart) {
  EXPECT_TRUE(order_of(torch::tensor({1.0, 3.0, 3.0, 2.0})).equal(torch::tensor({1, 2, 3, 0}, torch::kLong)));
  EXPECT_TRUE(order_of(torch::tensor({1.0, 3.0, 9.0, 2.0, 2.0, 5.0}), 2)
                  .equal(torch::tensor({2, 1, 0, 5, 3, 4}, torch::kLong)));
}

TEST(Sorting, PutsTheMostImportantFirst) {
  const ModelSpec spec = small_spec();
  const Parameters weights = random_weights(spec, torch::kFloat);
  const torch::NoGradGuard no_gradients;
  const auto measure = [&](const Parameters& model) {
    Importance importance(spec);
    importance.expect(some_mask());
    logits(model, some_ids(), SizeContext::full(), &importance);
    return importance.scores();
  };
  const ByAxis scores = measure(weights);
  // hidden; experts, their channels and those of the shared expert; the dense MLP; query heads; Mamba heads and
  // channels
  EXPECT_EQ(scores.size(), 1u + 2u * 3u + 1u + 1u + 2u * 2u);
  for (const auto& [key, all] : measure(sorted(weights, orders_of(spec, scores)))) {
    const bool grouped = key.second == Axis::query_heads || key.second == Axis::mamba_heads;  // two groups each
    const Tensor values = all.unflatten(-1, {grouped ? 2 : 1, -1});
    EXPECT_TRUE((values.slice(-1, 1) <= values.slice(-1, 0, -1) * (1 + 1e-5)).all().item<bool>()) << key_of(key.second);
  }
}

// Written out for one place of each kind.
TEST(Importance, FollowsItsFormulaOverCompletionPositionsOnly) {
  const ModelSpec spec = small_spec();
  Importance importance(spec);
  const Tensor mask = torch::tensor({{0.0, 1.0, 1.0}, {1.0, 0.0, 0.0}});
  importance.expect(mask);
  const Tensor act = torch::tensor({{{9.0, 9.0}, {1.0, -2.0}, {3.0, 4.0}}, {{5.0, 0.0}, {9.0, 9.0}, {9.0, 9.0}}});
  importance.block_input(0, act);
  importance.ffn(3, Axis::ffn, act);
  // Expert 0 sees token 1 (sample 0), expert 4 sees tokens 2 (sample 0) and 3 (sample 1).
  const Tensor tokens = torch::tensor({1, 2, 3}, torch::kLong), experts = torch::tensor({0, 4, 4}, torch::kLong);
  const Tensor outputs = torch::tensor({{3.0, 4.0}, {0.0, 2.0}, {1.0, 0.0}});
  importance.experts(1, {torch::full({3, 1}, 6.0), tokens, experts, outputs, torch::full({3}, 0.5)});
  // Two heads of two channels.
  importance.mamba_input(0, act.unsqueeze(-1) * torch::tensor({1.0, 2.0}));
  importance.attention_heads(2, act.unsqueeze(-1) * torch::tensor({3.0, 4.0}));
  const ByAxis scores = importance.scores();
  const double first = std::sqrt(2.0 * 2.0 + 5.0 * 5.0);  // means (1 + 3) / 2 and 5
  EXPECT_NEAR(scores.at({-1, Axis::hidden})[0].item<double>(), first, 1e-12);
  EXPECT_NEAR(scores.at({-1, Axis::hidden})[1].item<double>(), 3, 1e-12);
  EXPECT_NEAR((scores.at({3, Axis::ffn})[0].item<double>()), first, 1e-12);
  EXPECT_NEAR((scores.at({1, Axis::moe_ffn})[0][0].item<double>()), 3, 1e-12);
  EXPECT_NEAR((scores.at({1, Axis::moe_ffn})[4][0].item<double>()), std::sqrt(9.0 + 36.0), 1e-12);
  EXPECT_EQ((scores.at({1, Axis::moe_ffn})[2][0].item<double>()), 0);
  const auto score = [&](int block, Axis axis, int64_t unit) { return scores.at({block, axis})[unit].item<double>(); };
  EXPECT_NEAR(score(1, Axis::experts, 0), 0.5 * 5, 1e-6);
  EXPECT_NEAR(score(1, Axis::experts, 4), (0.5 * 2 + 0.5 * 1) / 2, 1e-6);
  EXPECT_EQ(score(1, Axis::experts, 2), 0);
  EXPECT_NEAR(score(0, Axis::mamba_heads, 0), first * std::sqrt(1.0 + 4.0), 1e-6);
  EXPECT_NEAR(score(0, Axis::mamba_heads, 1), 3 * std::sqrt(1.0 + 4.0), 1e-6);
  EXPECT_NEAR(score(0, Axis::mamba_head_dim, 1), 2 * std::sqrt(first * first + 9.0), 1e-6);
  EXPECT_NEAR(score(2, Axis::query_heads, 1), 3 * 5, 1e-6);
}

TEST(Importance, AddsUpOverPasses) {
  const ModelSpec spec = small_spec();
  const Parameters weights = random_weights(spec, torch::kFloat);
  const torch::NoGradGuard no_gradients;
  Importance once(spec), twice(spec);
  once.expect(some_mask());
  logits(weights, some_ids(), SizeContext::full(), &once);
  for (const int64_t row : {0, 1, 2}) {
    twice.expect(some_mask().narrow(0, row, 1));
    logits(weights, some_ids().narrow(0, row, 1), SizeContext::full(), &twice);
  }
  EXPECT_EQ(once.samples(), twice.samples());
  for (const auto& [key, values] : once.scores()) EXPECT_TRUE(values.allclose(twice.scores().at(key), 1e-4, 1e-6));
}

TEST(LayerRanking, DropsWhatDoesNothingFirstAndSumsErrorsOverBatches) {
  const ModelSpec spec = small_spec();
  Parameters weights = random_weights(spec, torch::kFloat);
  const torch::NoGradGuard no_gradients;
  weights(Role::attention_out, 2).zero_();
  weights(Role::down, 3).mul_(1e-3);
  std::vector<tasks::TokenSample> samples;
  for (int i = 0; i < 6; ++i) samples.push_back({{1, 5 + i, 9, 3, 20 + i, 4, 11, 2}, 4, 6});
  const auto batch = [&](size_t first, size_t count) {
    return to_tensors(tasks::make_batch(std::span(samples).subspan(first, count), 8));
  };
  int64_t calls = 0;
  const std::vector<BlockDrop> drops = rank_layers(weights, {batch(0, 6)}, [&](int64_t, int64_t total) {
    ++calls;
    EXPECT_EQ(total, 20);
  });
  EXPECT_EQ(calls, 20);
  ASSERT_EQ(drops.size(), 5u);
  EXPECT_EQ(drops[0].block, 2);
  EXPECT_EQ(drops[0].error, 0);
  EXPECT_EQ(drops[1].block, 3);
  EXPECT_GT(drops[1].error, 0);
  EXPECT_LT(drops[1].error, 1e-2);
  EXPECT_GT(drops[4].error, drops[1].error);
  const std::vector<BlockDrop> split = rank_layers(weights, {batch(0, 2), batch(2, 4)});
  for (size_t i = 0; i < drops.size(); ++i) {
    EXPECT_EQ(split[i].block, drops[i].block);
    EXPECT_NEAR(split[i].error, drops[i].error, 1e-5 * (1 + drops[i].error));
  }
}

}  // namespace
}  // namespace starnest::train
