#include "base/rng.h"

#include <array>
#include <limits>
#include <set>

#include <gtest/gtest.h>

#include "base/checked.h"

namespace starnest {
namespace {

TEST(Rng, TheSameKeyGivesTheSameNumbers) {
  Rng a(key_of(1, 2, 3)), b(key_of(1, 2, 3));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.next(), b.next());
}

TEST(Rng, ANumberDependsOnItsCounterOnly) {
  Rng all(7);
  std::array<uint64_t, 10> numbers;
  for (uint64_t& number : numbers) number = all.next();
  for (uint64_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(Rng(7, i).next(), numbers[i]);
}

TEST(Rng, NumbersAreTheSameOnEveryMachine) {
  EXPECT_EQ(mix64(0), 0xe220a8397b1dcdafu);  // the first output of SplitMix64 with seed 0
  static_assert(mix64(0) == 0xe220a8397b1dcdafu);
}

TEST(Rng, KeysOfDifferentPartsDiffer) {
  const std::set<uint64_t> keys{key_of(1, 2), key_of(2, 1), key_of(1), key_of(2), key_of(1, 2, 0), key_of(0, 1, 2)};
  EXPECT_EQ(keys.size(), 6u);
}

TEST(Rng, DrawsStayInRangeAndReachItsEnds) {
  Rng rng(3);
  std::set<int> seen;
  for (int i = 0; i < 1000; ++i) {
    const double u = rng.uniform();
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    ASSERT_LT(rng.below(7), 7u);
    const int number = rng.between(-2, 2);
    ASSERT_GE(number, -2);
    ASSERT_LE(number, 2);
    seen.insert(number);
  }
  EXPECT_EQ(seen.size(), 5u);
}

TEST(Rng, UniformDrawsHaveTheRightMean) {
  Rng rng(11);
  double sum = 0;
  constexpr int kDraws = 10000;
  for (int i = 0; i < kDraws; ++i) sum += rng.uniform();
  EXPECT_NEAR(sum / kDraws, 0.5, 5 * 0.2887 / 100);  // five standard errors
}

TEST(Checked, OverflowIsReported) {
  constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
  EXPECT_EQ(checked_add(kMax, 0), kMax);
  EXPECT_EQ(checked_add(kMax, 1), std::nullopt);
  EXPECT_EQ(checked_mul(uint64_t{1} << 32, uint64_t{1} << 31), uint64_t{1} << 63);
  EXPECT_EQ(checked_mul(uint64_t{1} << 32, uint64_t{1} << 32), std::nullopt);
  EXPECT_EQ(checked_product({}), 1u);
  EXPECT_EQ(checked_product(std::array<uint64_t, 3>{2, 3, 4}), 24u);
  EXPECT_EQ(checked_product(std::array<uint64_t, 3>{kMax, 2, 0}), std::nullopt);
}

}  // namespace
}  // namespace starnest
