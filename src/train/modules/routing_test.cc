#include "train/modules/routing.h"

#include <gtest/gtest.h>

namespace starnest::train {
namespace {

MoeSpec eight_experts() { return {.experts = 8, .experts_per_token = 2, .ffn = 4, .shared_ffn = 4, .scale = 1.5f}; }

AxisMask first(int kept, int full) {
  return {torch::arange(full).lt(kept).to(torch::kFloat), torch::scalar_tensor(double(kept) / full),
          torch::scalar_tensor(1.0)};
}

TEST(Routing, TiesGoToTheLowestNumber) {
  const Tensor keys = torch::tensor({{1.0, 2.0, 2.0, 2.0, 0.0}, {0.0, 0.0, 0.0, 0.0, 0.0}});
  EXPECT_TRUE(top_indices(keys, 2).equal(torch::tensor({{1, 2}, {0, 1}}, torch::kLong)));
}

TEST(Routing, NeverPicksAnExcludedExpertHoweverTheBiasesAre) {
  torch::manual_seed(1);
  const Tensor u = torch::randn({50, 6}), gate = torch::randn({8, 6});
  // Every kept key is negative, every excluded one positive.
  const Tensor bias = torch::where(torch::arange(8).lt(3), torch::full({8}, -5.0), torch::full({8}, 5.0));
  const Routing routing = route(u, gate, bias, eight_experts(), first(3, 8));
  EXPECT_LT(routing.chosen.max().item<int64_t>(), 3);
  MoeSpec narrow = eight_experts();
  narrow.experts = 3;
  const Routing sliced = route(u, gate.narrow(0, 0, 3), bias.narrow(0, 0, 3), narrow, {});
  EXPECT_TRUE(routing.chosen.equal(sliced.chosen));
  EXPECT_TRUE(routing.weights.allclose(sliced.weights, 1e-6, 1e-7));
}

TEST(Routing, BiasSelectsAndNeverWeighs) {
  const Tensor u = torch::ones({1, 1}), gate = torch::tensor({{0.0}, {1.0}, {2.0}});
  MoeSpec dims{.experts = 3, .experts_per_token = 1, .normalize = false};
  const Routing routing = route(u, gate, torch::tensor({10.0, 0.0, 0.0}), dims, {});
  EXPECT_EQ(routing.chosen.item<int64_t>(), 0);
  EXPECT_FLOAT_EQ(routing.weights.item<float>(), 0.5f);
}

TEST(Routing, HalfKeptExpertHasHalfTheScoreAndALowerKey) {
  const Tensor u = torch::ones({1, 1}), gate = torch::zeros({2, 1}), bias = torch::zeros({2});
  MoeSpec dims{.experts = 2, .experts_per_token = 1, .normalize = false};
  const AxisMask soft{torch::tensor({0.5, 1.0}), torch::scalar_tensor(0.75), torch::scalar_tensor(0.9)};
  const Routing routing = route(u, gate, bias, dims, soft);
  EXPECT_EQ(routing.chosen.item<int64_t>(), 1);
  EXPECT_TRUE(routing.scores.allclose(torch::tensor({{0.25, 0.5}})));
}

// Group scores are sums of the two best keys; the reference is written out here.
TEST(Routing, OnlyTheBestGroupsAreEligible) {
  torch::manual_seed(2);
  MoeSpec dims = eight_experts();
  dims.groups = 4;
  dims.groups_kept = 2;
  const Tensor u = torch::randn({40, 6}), gate = torch::randn({8, 6}), bias = torch::randn({8}) * 0.3;
  const Routing routing = route(u, gate, bias, dims, {});
  const Tensor keys = torch::sigmoid(torch::matmul(u, gate.t())) + bias;
  const Tensor pairs = keys.view({40, 4, 2}).sum(-1);
  for (int64_t t = 0; t < 40; ++t) {
    const Tensor best = std::get<1>(pairs[t].sort(0, /*descending=*/true)).narrow(0, 0, 2);
    for (int64_t j = 0; j < 2; ++j)
      EXPECT_TRUE(best.eq(routing.chosen[t][j].item<int64_t>() / 2).any().item<bool>()) << t;
  }
}

TEST(Routing, DispatchAndCollectAreInverseAndSumGradientsPerToken) {
  const Tensor chosen = torch::tensor({{2, 0}, {2, 1}, {2, 0}}, torch::kLong);
  const ExpertOrder order = group_by_expert(chosen, 4);
  EXPECT_EQ(order.begins, (std::vector<int64_t>{0, 2, 3, 6, 6}));
  Tensor u = torch::tensor({{1.0, 10.0}, {2.0, 20.0}, {3.0, 30.0}}, torch::kDouble).requires_grad_(true);
  const Tensor rows = dispatch(u, order, 2);
  ASSERT_EQ(rows.size(0), 6);
  // Expert 2 sees its tokens in order; so does expert 0.
  EXPECT_TRUE(rows.narrow(0, 3, 3).equal(u));
  EXPECT_TRUE(rows.narrow(0, 0, 2).equal(torch::stack({u[0], u[2]})));
  const Tensor pairs = collect(rows * 2, order);
  EXPECT_TRUE(pairs.equal(u.repeat_interleave(2, 0) * 2));
  const Tensor weight = torch::arange(12, torch::kDouble).view({6, 2});
  (pairs * weight).sum().backward();
  EXPECT_TRUE(u.grad().equal(weight.view({3, 2, 2}).sum(1) * 2));
}

TEST(Routing, GroupedLinearEqualsOneProductPerRowInValuesAndGradients) {
  torch::manual_seed(3);
  const Tensor chosen = torch::tensor({{2, 0}, {2, 1}, {2, 0}}, torch::kLong);  // expert 3 has no token
  const ExpertOrder order = group_by_expert(chosen, 4);
  const auto random = [](torch::IntArrayRef shape) { return torch::randn(shape, torch::kDouble).requires_grad_(true); };
  const Tensor rows = random({6, 5}), weight = random({4, 7, 5}), g = torch::randn({6, 7}, torch::kDouble);
  const Tensor of_row = weight.index_select(0, chosen.flatten().index_select(0, order.row_pair));  // [6, 7, 5]
  const Tensor expected = torch::matmul(of_row, rows.unsqueeze(-1)).squeeze(-1),
               y = grouped_linear(rows, weight, order);
  EXPECT_TRUE(y.allclose(expected, 1e-12, 1e-12));
  const auto gradients = [&](const Tensor& of) { return torch::autograd::grad({of}, {rows, weight}, {g}, true); };
  for (size_t i = 0; i < 2; ++i) EXPECT_TRUE(gradients(y)[i].allclose(gradients(expected)[i], 1e-12, 1e-12)) << i;
}

}  // namespace
}  // namespace starnest::train
