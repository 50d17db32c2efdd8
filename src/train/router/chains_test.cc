#include "train/router/chains.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "arch/family_spec.h"
#include "base/test_support.h"
#include "train/router/chain_exchange.h"
#include "train/router/test_choices.h"

namespace starnest::train {
namespace {

LogProbabilities random_probabilities(const Choices& choices, size_t budgets, Rng& rng) {
  LogProbabilities log_pi(budgets);
  for (auto& budget : log_pi)
    for (size_t list = 0; list < choices.lists(); ++list) {
      budget.emplace_back();
      for (size_t i = 0; i < choices.count(list); ++i) budget.back().push_back(std::log(0.01 + rng.uniform()));
    }
  return log_pi;
}

TEST(Chains, AreTheBestNestedCellsWithinTheirBudgets) {
  Choices choices;
  choices.axes = {{Axis::hidden, {40, 30, 20, 10}}, {Axis::moe_ffn, {4, 3, 2, 1}}};
  const auto cost = [&](const Cell& cell) {
    return double(choices.axes[0].widths[cell[0]] * choices.axes[1].widths[cell[1]]);
  };
  Rng rng(8);
  for (int trial = 0; trial < 20; ++trial) {
    const LogProbabilities log_pi = random_probabilities(choices, 2, rng);
    const std::vector<double> caps{90, 40};
    const std::vector<Chain> chains = best_chains(all_cells(choices, cost), caps, by_probability(log_pi), 3);
    // Every pair of cells, one by one.
    std::vector<double> scores;
    for (size_t a = 0; a < 4; ++a)
      for (size_t b = 0; b < 4; ++b)
        for (size_t c = a; c < 4; ++c)
          for (size_t d = b; d < 4; ++d) {
            const double outer = cost({a, b, 0}), inner = cost({c, d, 0});
            if (outer < 0.95 * 90 || outer > 90 || inner < 0.95 * 40 || inner > 40) continue;
            scores.push_back(log_pi[0][0][a] + log_pi[0][1][b] + log_pi[0][2][0] + log_pi[1][0][c] + log_pi[1][1][d] +
                             log_pi[1][2][0]);
          }
    std::sort(scores.rbegin(), scores.rend());
    ASSERT_EQ(chains.size(), std::min<size_t>(3, scores.size()));
    for (size_t i = 0; i < chains.size(); ++i) EXPECT_NEAR(chains[i].score, scores[i], 1e-12);
  }
}

TEST(Chains, NameTheNearestCostsOfABudgetThatCannotBeHad) {
  Choices choices;
  choices.axes = {{Axis::hidden, {40, 20}}};
  const LogProbabilities log_pi{{{0, 0}, {0}}};
  const auto cost = [&](const Cell& cell) { return 1000.0 * choices.axes[0].widths[cell[0]]; };
  const std::string message =
      error_of([&] { best_chains(all_cells(choices, cost), {30000}, by_probability(log_pi), 1); });
  EXPECT_NE(message.find("20,000 below and 40,000 above"), std::string::npos) << message;
}

TEST(Chains, HaveSizesThatDifferFromEachOtherAndFromTheFullModel) {
  Choices choices;
  choices.axes = {{Axis::hidden, {100, 97, 60, 59}}};
  const LogProbabilities log_pi{{{0, -1, -2, -3}, {0}}, {{0, -1, -2, -3}, {0}}};
  const auto cost = [&](const Cell& cell) { return double(choices.axes[0].widths[cell[0]]); };
  const std::vector<CostedCell> cells = all_cells(choices, cost);
  const std::vector<Chain> chains = best_chains(cells, {60.5, 60}, by_probability(log_pi), 8);
  ASSERT_EQ(chains.size(), 1u);
  EXPECT_EQ(chains[0].cells, (std::vector<Cell>{{2, 0}, {3, 0}}));
  EXPECT_EQ(best_chains(cells, {99, 60}, by_probability(log_pi), 1)[0].cells[0], (Cell{1, 0}));
}

TEST(CellCosts, AreTheExactOnes) {
  const ModelSpec spec = test_choices::spec();
  for (const Choices& choices : {test_choices::some_choices(spec), test_choices::choices_per_block(spec)})
    for (const CostMeasure& of : test_choices::every_measure()) {
      const auto exact = [&](const Cell& cell) { return exact_cost(spec, widths_of(choices, spec, cell), of); };
      const CellCosts costs(spec, choices, of);
      Rng rng(3);
      for (int i = 0; i < 40; ++i) {
        const Cell cell = test_choices::random_cell(choices, rng);
        EXPECT_EQ(costs.of(cell), exact(cell));
        Cell changed = cell;
        const size_t list = rng.below(choices.lists());
        changed[list] = rng.below(choices.count(list));
        EXPECT_EQ(costs.change(cell, list, changed[list]), exact(changed) - exact(cell));
      }
    }
}

void expect_nested_within(const std::vector<double>& caps, const Choices& choices, const CellCosts& costs,
                          const Chain& chain) {
  for (size_t b = 0; b < caps.size(); ++b) {
    EXPECT_LE(costs.of(chain.cells[b]), caps[b]);
    EXPECT_GE(costs.of(chain.cells[b]), 0.95 * caps[b]);
    for (size_t list = 0; b > 0 && list < choices.lists(); ++list)
      EXPECT_GE(chain.cells[b][list], chain.cells[b - 1][list]);
  }
}

TEST(ExchangedChains, AreThoseOfTheWholeList) {
  const ModelSpec spec = test_choices::spec();
  const Choices choices = test_choices::choices_per_block(spec);
  const CellCosts costs(spec, choices, CostKind::parameters);
  const std::vector<CostedCell> cells = all_cells(choices, [&](const Cell& cell) { return costs.of(cell); });
  const double full = costs.of(Cell(choices.lists(), 0));
  const std::vector<double> caps{0.8 * full, 0.55 * full};
  Rng rng(5);
  constexpr int kTrials = 100;
  int same = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    const LogProbabilities log_pi = random_probabilities(choices, caps.size(), rng);
    const std::vector<Chain> listed = best_chains(cells, caps, by_probability(log_pi), 8);
    const std::vector<Chain> found = exchanged_chains(choices, costs, caps, log_pi, 8);
    ASSERT_EQ(found.size(), listed.size());
    for (const Chain& chain : found) expect_nested_within(caps, choices, costs, chain);
    EXPECT_LE(found[0].score, listed[0].score + 1e-9);
    EXPECT_GT(found[0].score, listed[0].score - 1);
    same += found[0].cells == listed[0].cells;
  }
  EXPECT_GE(same, 95);
}

TEST(ExchangedChains, ExceedTheCapThatNothingKeepsAndNoOther) {
  const ModelSpec spec = test_choices::spec();
  Choices choices;
  choices.axes = {{Axis::hidden, {48, 32}}};
  const CellCosts costs(spec, choices, CostKind::parameters);
  const double cut = costs.of({1, 0});
  const LogProbabilities one{{{0, 0}, {0}}};
  EXPECT_EQ(exchanged_chains(choices, costs, {cut / 1.04}, one, 8).front().cells.front(), (Cell{1, 0}));
  choices.axes.push_back({Axis::shared_ffn, {32, 16}});
  const CellCosts finer(spec, choices, CostKind::parameters);
  const std::vector<double> caps{finer.of({0, 1, 0}), finer.of({1, 1, 0}) / 1.04};
  const LogProbabilities two(2, {{0, 0}, {0, 0}, {0}});
  const Chain chain = exchanged_chains(choices, finer, caps, two, 1).front();
  EXPECT_LE(finer.of(chain.cells[0]), caps[0]);
  EXPECT_GT(finer.of(chain.cells[1]), caps[1]);
}

TEST(ExchangedChains, OfManyBudgetsAndLongListsAreFoundInSeconds) {
  const ModelSpec spec = read_family(STARNEST_SOURCE_DIR "/tests/data/configs/nano_30b").spec;
  const Choices choices =
      make_choices({.axes = {"hidden_size=2688,2560,2432,2304,2176,2048,1920,1792",
                             "moe_shared_expert_intermediate_size=3712,3456,3200,2944,2688,2432,2176,1920",
                             "n_routed_experts=128,96", "moe_intermediate_size=1856,1536"},
                    .per_block = {"moe_intermediate_size"}},
                   spec);
  const CellCosts costs(spec, choices, CostKind::active_parameters);
  const double full = costs.of(Cell(choices.lists(), 0));
  const std::vector<double> caps{0.85 * full, 0.8 * full, 0.75 * full, 0.7 * full};
  Rng rng(8);
  const std::vector<Chain> found =
      exchanged_chains(choices, costs, caps, random_probabilities(choices, caps.size(), rng), 1);
  ASSERT_EQ(found.size(), 1u);
  expect_nested_within(caps, choices, costs, found[0]);
}

TEST(ExchangedChains, OfThePublishedModelWithAChoiceForEveryBlock) {
  const ModelSpec spec = read_family(STARNEST_SOURCE_DIR "/tests/data/configs/nano_30b").spec;
  const Choices choices =
      make_choices({.axes = {"hidden_size=2688,2304,2048,1792", "moe_intermediate_size=1856,1536,1280,1024,768",
                             "n_routed_experts=128,112,96,80,64", "mamba_num_heads=64,56,48,40"},
                    .per_block = {"moe_intermediate_size", "mamba_num_heads"}},
                   spec);
  EXPECT_GT(combinations(choices), 1e30);
  const CellCosts costs(spec, choices, CostKind::active_parameters);
  const double full = costs.of(Cell(choices.lists(), 0));
  const std::vector<double> caps{0.8 * full, 0.58 * full};
  Rng rng(6);
  const std::vector<Chain> found =
      exchanged_chains(choices, costs, caps, random_probabilities(choices, caps.size(), rng), 8);
  ASSERT_EQ(found.size(), 8u);
  for (const Chain& chain : found) expect_nested_within(caps, choices, costs, chain);
  for (size_t i = 1; i < found.size(); ++i) EXPECT_LE(found[i].score, found[i - 1].score);
}

TEST(ExchangedChains, SayWhatTheChoicesCanCost) {
  const ModelSpec spec = test_choices::spec();
  const Choices choices = test_choices::choices_per_block(spec);
  const CellCosts costs(spec, choices, CostKind::parameters);
  Rng rng(7);
  const LogProbabilities log_pi = random_probabilities(choices, 1, rng);
  const std::string message = error_of([&] { exchanged_chains(choices, costs, {1000}, log_pi, 8); });
  EXPECT_NE(message.find("to " + grouped(uint64_t(costs.of(Cell(choices.lists(), 0))))), std::string::npos) << message;
}

}  // namespace
}  // namespace starnest::train
