#include "report/repeats.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace starnest {
namespace {

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
