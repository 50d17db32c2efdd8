#include "train/router/router.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "arch/family_spec.h"
#include "base/rng.h"
#include "base/test_support.h"
#include "base/text.h"
#include "train/distill/optimizer.h"
#include "train/modules/model.h"
#include "train/router/size_text.h"
#include "train/router/test_choices.h"

namespace starnest::train {
namespace {

using test_choices::choices_per_block;
using test_choices::every_measure;
using test_choices::random_cell;
using test_choices::some_choices;

// Every way to choose widths, for tests that hold for all.
class Chosen : public testing::TestWithParam<bool> {
 protected:
  ModelSpec spec_ = test_choices::spec();
  Choices choices_ = GetParam() ? choices_per_block(spec_) : some_choices(spec_);
};
INSTANTIATE_TEST_SUITE_P(Widths, Chosen, testing::Bool(),
                         [](const auto& named) { return named.param ? "per_block" : "uniform"; });

std::vector<Tensor> random_logits(const Choices& choices, uint64_t seed) {
  Rng rng(seed);
  std::vector<Tensor> logits;
  for (size_t list = 0; list < choices.lists(); ++list) {
    std::vector<double> values;
    for (size_t i = 0; i < choices.count(list); ++i) values.push_back(2 * rng.uniform() - 1);
    logits.push_back(torch::tensor(values, torch::kDouble).requires_grad_(true));
  }
  return logits;
}

Probabilities soft(const std::vector<Tensor>& logits) {
  Probabilities pi;
  for (const Tensor& z : logits) pi.push_back(torch::softmax(z, -1));
  return pi;
}

Probabilities one_hot(const Choices& choices, const Cell& cell, torch::ScalarType dtype) {
  Probabilities pi;
  for (size_t list = 0; list < choices.lists(); ++list) {
    pi.push_back(torch::zeros({int64_t(choices.count(list))}, torch::dtype(dtype)));
    pi.back()[int64_t(cell[list])] = 1;
  }
  return pi;
}

// Central differences of `loss` against its gradient, in every logit.
template <class Loss>
void expect_gradient(std::vector<Tensor> logits, const Loss& loss, double tolerance) {
  const std::vector<Tensor> gradients = torch::autograd::grad({loss(logits)}, logits, {}, false, false, true);
  const double h = 1e-5;
  for (size_t list = 0; list < logits.size(); ++list)
    for (int64_t i = 0; i < logits[list].numel(); ++i) {
      const auto at = [&](double step) {
        std::vector<Tensor> moved = logits;
        moved[list] = logits[list].detach().clone();
        moved[list][i] += step;
        return loss(moved).template item<double>();
      };
      const double numeric = (at(h) - at(-h)) / (2 * h);
      const double exact = gradients[list].defined() ? gradients[list][i].template item<double>() : 0;
      EXPECT_NEAR(exact, numeric, tolerance * (1 + std::abs(numeric))) << "list " << list << " choice " << i;
    }
}

TEST_P(Chosen, ExpectedCostIsExactForEveryCellThatIsDecided) {
  const ModelSpec& spec = spec_;
  const Choices& choices = choices_;
  check(choices, spec);
  Rng rng(1);
  for (int i = 0; i < 40; ++i) {
    const Cell cell = random_cell(choices, rng);
    const Widths widths = widths_of(choices, spec, cell);
    const Probabilities pi = one_hot(choices, cell, torch::kFloat);
    for (const CostMeasure& of : every_measure())
      EXPECT_DOUBLE_EQ(expected_cost(choices, spec, pi, of).item<double>(), exact_cost(spec, widths, of));
  }
}

TEST(ExpectedCost, CountsThePublishedModel) {
  const ModelSpec spec = read_family(STARNEST_SOURCE_DIR "/tests/data/configs/nano_30b").spec;
  Choices choices;
  choices.axes = {{Axis::hidden, {2688, 2304}}};
  const Probabilities full = one_hot(choices, {0, 0}, torch::kFloat);
  EXPECT_EQ(expected_cost(choices, spec, full, CostKind::parameters).item<double>(), 31577940288.0);
}

TEST_P(Chosen, ExpectedCostHasTheGradientOfItsFiniteDifferences) {
  const ModelSpec& spec = spec_;
  const Choices& choices = choices_;
  const double full = exact_cost(spec, full_widths(spec), CostKind::parameters);
  for (const CostMeasure& of : every_measure())
    expect_gradient(
        random_logits(choices, 2),
        [&](const std::vector<Tensor>& z) { return expected_cost(choices, spec, soft(z), of) / full; }, 1e-6);
  for (const double cap : {0.4, 0.9})  // above and below the zone
    expect_gradient(
        random_logits(choices, 3),
        [&](const std::vector<Tensor>& z) {
          return budget_loss(expected_cost(choices, spec, soft(z), CostKind::parameters), cap * full);
        },
        1e-6);
}

TEST(BudgetLoss, IsACapWithAZoneBelowIt) {
  const auto loss = [](double cost) {
    return budget_loss(torch::scalar_tensor(cost, torch::kDouble), 200).item<double>();
  };
  EXPECT_EQ(loss(200), 0);
  EXPECT_EQ(loss(191), 0);
  EXPECT_NEAR(loss(220), 0.1, 1e-12);
  EXPECT_NEAR(loss(150), 0.2, 1e-12);
  EXPECT_NEAR(loss(200 + 1e-9), 0, 1e-10);  // continuous at both edges
  EXPECT_NEAR(loss(190 - 1e-9), 0, 1e-10);
}

TEST_P(Chosen, SoftContextEqualsTheNarrowSizeWhenDecided) {
  const ModelSpec& spec = spec_;
  const Choices& choices = choices_;
  const Parameters weights = test_models::random_weights(spec, torch::kDouble);
  const Tensor ids = torch::randint(spec.vocab, {2, 9}, torch::kLong);
  Rng rng(4);
  for (int i = 0; i < 12; ++i) {
    const Cell cell = random_cell(choices, rng);
    const SizeContext narrow = SizeContext::narrow(widths_of(choices, spec, cell));
    const SizeContext masked = soft_context(choices, spec, one_hot(choices, cell, torch::kDouble));
    EXPECT_TRUE(logits(weights, ids, masked).allclose(logits(weights, ids, narrow), 1e-9, 1e-10)) << i;
  }
}

// Through masks, norms, experts and depth: what a model loses at a size reaches the router.
TEST_P(Chosen, SoftContextPassesTheGradientOfFiniteDifferencesToTheLogits) {
  ModelSpec spec = spec_;
  spec.norm_eps = 1e-12f;  // whose share in the size has no gradient, by definition
  const Choices& choices = choices_;
  const Parameters weights = test_models::random_weights(spec, torch::kDouble);
  const Tensor ids = torch::randint(spec.vocab, {2, 6}, torch::kLong);
  const Tensor weight = torch::randn({2, 6, spec.vocab}, torch::kDouble);
  const auto loss = [&](const std::vector<Tensor>& z) {
    Probabilities pi;
    for (size_t list = 0; list < z.size(); ++list) pi.push_back(choose(z[list], {.temperature = 0.7, .key = 9}, list));
    return (logits(weights, ids, soft_context(choices, spec, pi)) * weight).sum() / 100;
  };
  expect_gradient(random_logits(choices, 5), loss, 2e-5);
}

TEST(Gumbel, DrawsEveryChoiceAsOftenAsItsProbabilityAtAnyTemperature) {
  constexpr int kDraws = 100000;
  const std::vector<double> z{0.3, -1.0, 0.9};
  double sum = 0;
  for (const double value : z) sum += std::exp(value);
  std::vector<int> counts(z.size(), 0);
  for (int draw = 0; draw < kDraws; ++draw) {
    size_t best = 0;
    double most = -std::numeric_limits<double>::infinity();
    for (size_t i = 0; i < z.size(); ++i)
      if (const double value = z[i] + gumbel_noise(key_of(7, draw), i); value > most) most = value, best = i;
    ++counts[best];
  }
  double chi_square = 0;
  for (size_t i = 0; i < z.size(); ++i) {
    const double expected = kDraws * std::exp(z[i]) / sum;
    chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  EXPECT_LT(chi_square, 13.8);  // 0.1 % of two degrees of freedom

  // The argmax of the relaxed draw is the same at any temperature.
  const Tensor logits = torch::tensor(z, torch::kDouble);
  for (uint64_t key = 0; key < 200; ++key) {
    const auto argmax = [&](double temperature) {
      return choose(logits, {.temperature = temperature, .key = key}, 0).argmax().item<int64_t>();
    };
    EXPECT_EQ(argmax(1), argmax(0.05));
  }
}

TEST(Router, DrawsItsListsApartAndRepeatsThem) {
  Choices choices;
  choices.axes = {{Axis::hidden, {64, 32}}, {Axis::moe_ffn, {32, 16}}};
  const Router router(choices, 2, {.deviation = 0}, 1);  // even odds
  int same = 0;
  constexpr int kDraws = 2000;
  for (uint64_t key = 0; key < kDraws; ++key) {
    const Draw draw{.temperature = 0.1, .key = key};
    const Cell cell = raw_argmax(router.probabilities(0, draw));
    EXPECT_EQ(cell, raw_argmax(router.probabilities(0, draw)));
    same += cell[0] == cell[1];
  }
  EXPECT_NEAR(double(same) / kDraws, 0.5, 4 * 0.5 / std::sqrt(double(kDraws)));  // shared noise would make it 1
}

TEST(Router, AHardDrawIsOneHotWithTheGradientOfTheSoftOne) {
  const Tensor z = torch::tensor({0.2, 0.1, -0.4}, torch::kDouble).requires_grad_(true);
  const Tensor weight = torch::tensor({1.0, 2.0, 5.0}, torch::kDouble);
  const Draw soft_draw{.temperature = 0.5, .key = 3, .hard = 0}, hard_draw{.temperature = 0.5, .key = 3, .hard = 1};
  const Tensor pi = choose(z, soft_draw, 0), hard = choose(z, hard_draw, 0);
  EXPECT_TRUE(hard.detach().max().isclose(torch::ones({}, torch::kDouble)).item<bool>());
  const auto gradient = [&](const Tensor& of) {
    return torch::autograd::grad({(of * weight).sum()}, {z}, {}, true)[0];
  };
  EXPECT_TRUE(gradient(pi).allclose(gradient(hard)));
}

// A surrogate of distillation: an axis that hurts when cut and one that does not, two choices each. Only cutting the
// second fits the budget, so a router whose budget gradient is negated, or whose two-choice logits are normalised
// (their gradient is then zero), does not find it.
TEST(Router, LearnsToCutWhatCostsLeastUnderTheBudget) {
  const ModelSpec spec = test_choices::spec();
  Choices choices;
  choices.axes = {{Axis::hidden, {spec.hidden, spec.hidden - 32}}, {Axis::shared_ffn, {32, 16}}};
  Cell wanted{0, 1, 0};
  const double cap = exact_cost(spec, widths_of(choices, spec, wanted), CostKind::parameters) * 1.01;
  for (uint64_t seed = 0; seed < 5; ++seed) {
    const RouterSettings settings{.steps = 300};
    const Router router(choices, 1, settings, seed);
    std::vector<Tensor> first, second;
    for (const Tensor& parameter : router.parameters()) {
      first.push_back(torch::zeros_like(parameter, torch::requires_grad(false)));
      second.push_back(torch::zeros_like(parameter, torch::requires_grad(false)));
    }
    for (int step = 0; step < settings.steps; ++step) {
      const Probabilities pi =
          router.probabilities(0, draw_of_step(settings, step, settings.steps, key_of(seed, step)));
      const Tensor hurt = 0.5 * pi[0][1] + 0.01 * pi[1][1];
      const Tensor loss = hurt + 10 * budget_loss(expected_cost(choices, spec, pi, CostKind::parameters), cap);
      const std::vector<Tensor> gradients =
          torch::autograd::grad({loss}, router.parameters(), {}, false, false, /*allow_unused=*/true);
      const torch::NoGradGuard no_gradients;
      for (size_t p = 0; p < gradients.size(); ++p) {
        if (!gradients[p].defined()) continue;
        first[p].mul_(0.9).add_(gradients[p], 0.1);
        second[p].mul_(0.98).addcmul_(gradients[p], gradients[p], 0.02);
        router.parameters()[p].sub_(settings.rate * first[p] / (second[p].sqrt() + 1e-8));
      }
    }
    EXPECT_EQ(raw_argmax(router.probabilities(0, {})), wanted) << seed;
  }
}

TEST(Choices, MayBeMadeForEveryBlock) {
  const ModelSpec spec = test_choices::spec();
  const Choices choices = choices_per_block(spec);
  const Widths full = full_widths(spec);
  const auto with = [&](Axis axis) {
    return size_t(std::count_if(full.blocks.begin(), full.blocks.end(),
                                [&](const BlockWidths& block) { return block[axis] != 0; }));
  };
  EXPECT_EQ(choices.axes.size(), 3 + with(Axis::experts) + with(Axis::mamba_heads));
  Cell cell(choices.lists(), 0);
  for (size_t list = 0; list < choices.axes.size(); ++list)
    if (choices.axes[list].axis == Axis::experts) {
      cell[list] = 2;  // of its block only
      const Widths widths = widths_of(choices, spec, cell);
      for (size_t b = 0; b < widths.blocks.size(); ++b)
        EXPECT_EQ(widths.blocks[b][Axis::experts], b == choices.axes[list].block ? 4 : full.blocks[b][Axis::experts]);
      break;
    }
  const auto refused = [&](const std::string& key) {
    return error_of(
        [&] { make_choices({.axes = {"hidden_size=" + std::to_string(spec.hidden)}, .per_block = {key}}, spec); });
  };
  EXPECT_NE(refused("hidden_size").find("which all blocks share"), std::string::npos);
  EXPECT_NE(refused("n_routed_experts").find("the key of a --choice, once"), std::string::npos);
}

TEST(Choices, AreReadAndChecked) {
  const ModelSpec spec = test_choices::spec();
  EXPECT_EQ(parse_choices("hidden_size=64,48").widths, (std::vector<int>{64, 48}));
  EXPECT_NE(error_of([] { parse_choices("hidden_sise=64"); }).find("hidden_size"), std::string::npos);
  EXPECT_NE(error_of([] { parse_choices("hidden_size=64,,48"); }).find("not a list of numbers"), std::string::npos);
  const auto refused = [&](std::vector<AxisChoices> axes, std::vector<int> dropped = {0}, std::vector<int> order = {}) {
    return error_of([&] { check({std::move(axes), std::move(dropped), std::move(order)}, spec); });
  };
  const int full = spec.hidden;
  EXPECT_EQ(refused({{Axis::hidden, {full, full - 16}}}), "no error");
  EXPECT_NE(refused({{Axis::hidden, {full - 16}}}).find("full width"), std::string::npos);
  EXPECT_NE(refused({{Axis::hidden, {full, full - 32, full - 16}}}).find("not descending"), std::string::npos);
  EXPECT_NE(refused({{Axis::hidden, {full, full - 7}}}), "no error");
  EXPECT_NE(refused({{Axis::hidden, {full}, {}}, {Axis::hidden, {full}, {}}}).find("twice"), std::string::npos);
  EXPECT_NE(refused({}, {1}).find("--drop"), std::string::npos);
  EXPECT_NE(refused({}, {0, 2}, {1}).find("more blocks than are ranked"), std::string::npos);
}

}  // namespace
}  // namespace starnest::train
