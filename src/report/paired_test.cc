#include "report/paired.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "base/rng.h"

namespace starnest {
namespace {

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

}  // namespace
}  // namespace starnest
