#include "report/intervals.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace starnest
