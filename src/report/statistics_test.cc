#include "report/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "base/rng.h"

namespace starnest {
namespace {

void expect_wilson(Tally tally, double low, double high) {
  const Interval interval = wilson(tally);
  EXPECT_NEAR(interval.low, low, 5e-5);
  EXPECT_NEAR(interval.high, high, 5e-5);
}

TEST(Wilson, GivesTheValuesWorkedByHand) {
  // z^2 = 3.8415. 8 of 10: (0.8 + 0.19207 +- 1.95996 sqrt(0.016 + 0.0096037)) / 1.38415
  expect_wilson({.successes = 8, .trials = 10}, 0.4902, 0.9433);
  // 0 of 10: (0.19207 +- 0.19207) / 1.38415
  expect_wilson({.successes = 0, .trials = 10}, 0.0, 0.2775);
  expect_wilson({.successes = 10, .trials = 10}, 0.7225, 1.0);
  // 7,600 of 8,000: centre (0.95 + 0.00024009) / 1.00048018, half 1.95996 sqrt(5.9375e-6 + 1.5004e-8) / 1.00048018
  expect_wilson({.successes = 7600, .trials = 8000}, 0.9450, 0.9546);
}

TEST(Wilson, IsSymmetricAndHoldsTheShare) {
  for (uint64_t successes = 0; successes <= 20; ++successes) {
    const Interval interval = wilson({successes, 20}), mirrored = wilson({20 - successes, 20});
    EXPECT_NEAR(interval.low, 1 - mirrored.high, 1e-12);
    EXPECT_LE(interval.low, double(successes) / 20 + 1e-12);
    EXPECT_GE(interval.high, double(successes) / 20 - 1e-12);
  }
}

TEST(Wilson, WithoutTrialsNothingIsKnown) {
  EXPECT_EQ(wilson({}).low, 0.0);
  EXPECT_EQ(wilson({}).high, 1.0);
}

TEST(McNemar, GivesTheValuesWorkedByHand) {
  EXPECT_DOUBLE_EQ(mcnemar_exact({1, 9}), 2 * 11.0 / 1024);  // 1 + 10 of 2^10
  EXPECT_DOUBLE_EQ(mcnemar_exact({9, 1}), 2 * 11.0 / 1024);
  EXPECT_DOUBLE_EQ(mcnemar_exact({0, 5}), 2.0 / 32);
  // 1 + 20 + 190 + 1140 + 4845 + 15504 = 21700 of 2^20
  EXPECT_NEAR(mcnemar_exact({15, 5}), 2 * 21700.0 / 1048576, 1e-14);
}

TEST(McNemar, NoDifferenceGivesOne) {
  EXPECT_EQ(mcnemar_exact({}), 1.0);
  EXPECT_EQ(mcnemar_exact({7, 7}), 1.0);
  EXPECT_EQ(mcnemar_exact({3, 4}), 1.0);  // exactly half on each side
}

TEST(McNemar, ManyPairsNeitherUnderflowNorOverflow) {
  // 400 discordant of 8,000: the normal approximation with continuity correction gives 2 Phi(-39 / 20) = 0.0512.
  EXPECT_NEAR(mcnemar_exact({220, 180}), 0.0512, 0.0005);
  EXPECT_NEAR(mcnemar_exact({50'000, 50'000}), 1.0, 1e-9);
  EXPECT_GE(mcnemar_exact({0, 5000}), 0.0);
  EXPECT_LT(mcnemar_exact({0, 5000}), 1e-300);
}

TEST(DifferenceInterval, IsSymmetricAndHoldsTheDifference) {
  for (uint64_t b = 0; b <= 12; b += 3)
    for (uint64_t c = 0; c <= 12; c += 4)
      for (const uint64_t a : {0, 5, 40}) {
        const PairedTable table{a, b, c, 7}, swapped{a, c, b, 7};
        const Interval interval = difference_interval(table), mirrored = difference_interval(swapped);
        EXPECT_NEAR(interval.low, -mirrored.high, 1e-12);
        EXPECT_LE(interval.low, table.difference() + 1e-12);
        EXPECT_GE(interval.high, table.difference() - 1e-12);
        EXPECT_GE(interval.low, -1 - 1e-12);
        EXPECT_LE(interval.high, 1 + 1e-12);
      }
}

TEST(DifferenceInterval, OfIndependentOutcomesIsTheSquareAndAddOfWilsons) {
  // a d = b c: no correlation. 20 of 40 against 10 of 40: Wilson [0.3520, 0.6480] and [0.1419, 0.4019].
  const Interval interval = difference_interval({5, 15, 5, 15});
  EXPECT_NEAR(interval.low, 0.25 - std::sqrt(0.1480 * 0.1480 + 0.1519 * 0.1519), 2e-4);
  EXPECT_NEAR(interval.high, 0.25 + std::sqrt(0.1480 * 0.1480 + 0.1081 * 0.1081), 2e-4);
}

TEST(DifferenceInterval, NarrowsWhenOutcomesAgree) {
  const Interval together = difference_interval({90, 2, 2, 6}), apart = difference_interval({86, 6, 6, 2});
  EXPECT_LT(together.high - together.low, apart.high - apart.low);
  EXPECT_EQ(difference_interval({}).low, -1);
}

// What a 95 % interval is for: it holds the truth in about 95 of 100 samples.
TEST(DifferenceInterval, CoversTheTruthAsOftenAsItSays) {
  struct Case {
    double both, only_first, only_second;
    int problems;
  };
  for (const Case& c : {Case{0.90, 0.04, 0.02, 400}, Case{0.5, 0.1, 0.1, 200}, Case{0.97, 0.01, 0.0, 1000}}) {
    Rng rng(17);
    int held = 0;
    constexpr int kSamples = 2000;
    for (int i = 0; i < kSamples; ++i) {
      PairedTable table;
      for (int n = 0; n < c.problems; ++n) {
        const double u = rng.uniform();
        ++(u < c.both                                  ? table.both
           : u < c.both + c.only_first                 ? table.only_first
           : u < c.both + c.only_first + c.only_second ? table.only_second
                                                       : table.neither);
      }
      const Interval interval = difference_interval(table);
      const double truth = c.only_first - c.only_second;
      held += interval.low <= truth && truth <= interval.high;
    }
    EXPECT_GT(held, kSamples * 0.94) << c.both;
    EXPECT_LE(held, kSamples) << c.both;
  }
}

TEST(Bootstrap, AgreesWithTheFormulaWhereTheFormulaIsGoodAndRepeats) {
  const PairedTable table{700, 90, 40, 170};
  std::vector<double> differences(table.trials(), 0);
  std::fill_n(differences.begin(), table.only_first, 1.0);
  std::fill_n(differences.begin() + int64_t(table.only_first), table.only_second, -1.0);
  const Interval formula = difference_interval(table), bootstrap = bootstrap_interval(differences);
  EXPECT_NEAR(bootstrap.low, formula.low, 0.003);
  EXPECT_NEAR(bootstrap.high, formula.high, 0.003);
  EXPECT_EQ(bootstrap_interval(differences, 7).low, bootstrap_interval(differences, 7).low);
  EXPECT_EQ(bootstrap_interval({}).high, 0);
  EXPECT_EQ(bootstrap_interval(std::vector<double>{2.5, 2.5}).low, 2.5);  // no spread, no width
}

TEST(NonInferiority, FollowsFromTheLowerEndAndTheMargin) {
  const PairedTable equal{9'300, 100, 100, 500};
  const double low = difference_interval(equal).low;
  EXPECT_TRUE(is_non_inferior(equal, -low + 1e-9));
  EXPECT_FALSE(is_non_inferior(equal, -low - 1e-9));
  EXPECT_FALSE(is_non_inferior({50, 1, 1, 8}, 0.01));  // too few problems to say
  EXPECT_FALSE(is_non_inferior({9'000, 100, 400, 500}, 0.01));
  EXPECT_TRUE(is_non_inferior({9'000, 400, 100, 500}, 0.01));
  EXPECT_EQ(problems_needed(0.05, 0.01), 3'925u);
  EXPECT_EQ(problems_needed(0, 0.01), 0u);
}

// 97.5 % quantiles of printed tables.
TEST(Repeats, StudentsDistributionIsThatOfTheTables) {
  EXPECT_NEAR(student_within(12.7062, 1), 0.95, 1e-5);
  EXPECT_NEAR(student_within(4.30265, 2), 0.95, 1e-5);
  EXPECT_NEAR(student_within(3.18245, 3), 0.95, 1e-5);
  EXPECT_NEAR(student_within(2.77645, 4), 0.95, 1e-5);
  EXPECT_NEAR(student_within(2.26216, 9), 0.95, 1e-5);
  EXPECT_NEAR(student_within(2.04227, 30), 0.95, 1e-5);
  EXPECT_NEAR(student_within(4.60409, 4), 0.99, 1e-5);
  EXPECT_EQ(student_within(0, 5), 0);
}

// By hand: mean 2, standard deviation sqrt(2.5), standard error sqrt(0.5), t(4) = 2.77645.
TEST(Repeats, MeanOfFiveSeedsHasStudentsInterval) {
  const double differences[]{0, 1, 2, 3, 4};
  const MeanDifference result = mean_difference(differences);
  EXPECT_DOUBLE_EQ(result.mean, 2);
  EXPECT_NEAR(result.interval.low, 2 - 2.77645 * std::sqrt(0.5), 1e-4);
  EXPECT_NEAR(result.interval.high, 2 + 2.77645 * std::sqrt(0.5), 1e-4);
  EXPECT_NEAR(result.p, 0.0474, 1e-4);  // t = 2.8284, 4 degrees
}

TEST(Repeats, OneSeedSaysNothingAboutOthersAndEqualSeedsLeaveNoDoubt) {
  const double one[]{3}, same[]{1, 1, 1}, zero[]{0, 0};
  EXPECT_EQ(mean_difference(one).interval.high, std::numeric_limits<double>::infinity());
  EXPECT_EQ(mean_difference(one).p, 1);
  EXPECT_EQ(mean_difference(same).interval.low, 1);
  EXPECT_EQ(mean_difference(same).p, 0);
  EXPECT_EQ(mean_difference(zero).p, 1);
}

// Holm by hand: sorted 0.01 x 3, 0.02 x 2, 0.04 x 1, never below the one before.
TEST(Repeats, HolmMultipliesFromTheSmallestUp) {
  const double p[]{0.04, 0.01, 0.02};
  const std::vector<double> adjusted = holm(p);
  EXPECT_DOUBLE_EQ(adjusted[1], 0.03);
  EXPECT_DOUBLE_EQ(adjusted[2], 0.04);
  EXPECT_DOUBLE_EQ(adjusted[0], 0.04);
  const double large[]{0.9, 0.8};
  EXPECT_EQ(holm(large), (std::vector<double>{1, 1}));
}

}  // namespace
}  // namespace starnest
