#include "generate/think.h"

#include <vector>

#include <gtest/gtest.h>

namespace starnest {
namespace {

ThinkTokens tokens(std::vector<TokenId> close = {4}) {
  return {.start = {3}, .ends = {{4}}, .close = std::move(close), .boundary = {0, 0, 0, 0, 0, 0, 0, true}};
}

// Feeds `stream` token by token; returns how and after how many tokens thinking ended.
std::pair<ThinkEnd, size_t> run(ThinkBudget::Limits limits, const std::vector<TokenId>& stream) {
  const ThinkTokens think = tokens();
  const ThinkBudget budget(think, limits);
  for (size_t n = 0; n <= stream.size(); ++n)
    if (const auto end = budget.end_after(std::span(stream).first(n))) return {*end, n};
  return {ThinkEnd::none, stream.size()};
}

using End = std::pair<ThinkEnd, size_t>;

TEST(ThinkBudget, ABudgetOfZeroEndsBeforeTheFirstToken) {
  EXPECT_EQ(run({.budget = 0, .grace = 8, .limit = 100}, {9, 9}), End(ThinkEnd::forced, 0));
}

TEST(ThinkBudget, TheModelsOwnClosingTagInsideTheBudgetIsNatural) {
  EXPECT_EQ(run({.budget = 10, .grace = 0, .limit = 100}, {9, 7, 4, 9}), End(ThinkEnd::natural, 3));
  EXPECT_EQ(run({.budget = 3, .grace = 0, .limit = 100}, {9, 9, 4}), End(ThinkEnd::natural, 3));
}

TEST(ThinkBudget, InsideTheGraceItEndsAtABoundary) {
  EXPECT_EQ(run({.budget = 2, .grace = 5, .limit = 100}, {7, 9, 9, 7, 9}), End(ThinkEnd::boundary, 4));
  EXPECT_EQ(run({.budget = 2, .grace = 5, .limit = 100}, {9, 7, 9}), End(ThinkEnd::boundary, 2));
}

TEST(ThinkBudget, WithoutABoundaryItIsForcedAfterTheGrace) {
  EXPECT_EQ(run({.budget = 2, .grace = 3, .limit = 100}, {9, 9, 9, 9, 9, 7}), End(ThinkEnd::forced, 5));
  EXPECT_EQ(run({.budget = 2, .grace = 0, .limit = 100}, {9, 9, 9}), End(ThinkEnd::forced, 2));
}

TEST(ThinkBudget, TheAnswersReserveIsAHardLimit) {
  EXPECT_EQ(run({.budget = -1, .grace = 0, .limit = 3}, {9, 7, 9, 9}), End(ThinkEnd::forced, 3));
  EXPECT_EQ(run({.budget = 2, .grace = 50, .limit = 4}, {9, 9, 9, 9, 9}), End(ThinkEnd::forced, 4));
}

TEST(ThinkBudget, ANegativeBudgetNeverIntervenes) {
  EXPECT_EQ(run({.budget = -1, .grace = 0, .limit = 100}, {9, 7, 9, 7}), End(ThinkEnd::none, 4));
}

TEST(ThinkBudget, AClosingThatHasBegunIsOnlyCompleted) {
  const ThinkTokens think = tokens({5, 6, 4});
  const ThinkBudget budget(think, {});
  const std::vector<TokenId> begun{9, 5, 6}, fresh{9, 6};
  EXPECT_EQ(budget.closing(begun), (std::vector<TokenId>{4}));
  EXPECT_EQ(budget.closing(fresh), (std::vector<TokenId>{5, 6, 4}));
}

}  // namespace
}  // namespace starnest
