#include "runtime/sampling.h"

#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "starnest/error.h"

namespace starnest {
namespace {

const std::vector<float> kLogits{0.0f, 2.0f, 1.0f, 2.0f, -1.0f};
VecView<const float> view() { return {kLogits.data(), kLogits.size()}; }

std::map<TokenId, int> draws(const Sampling& sampling, int n) {
  Sampler sampler(sampling);
  std::map<TokenId, int> counts;
  for (int i = 0; i < n; ++i) ++counts[sampler.pick(view())];
  return counts;
}

TEST(Sampler, GreedyTakesTheLowestIdAmongEquals) { EXPECT_EQ(Sampler({}).pick(view()), 1); }

TEST(Sampler, FrequenciesFollowTheSoftmaxAtTheTemperature) {
  const int n = 100000;
  const double temperature = 0.7;
  double total = 0;
  for (const float l : kLogits) total += std::exp(l / temperature);
  auto counts = draws({.temperature = float(temperature), .seed = 3}, n);
  for (size_t i = 0; i < kLogits.size(); ++i) {
    const double p = std::exp(kLogits[i] / temperature) / total;
    EXPECT_NEAR(counts[TokenId(i)] / double(n), p, 5 * std::sqrt(p * (1 - p) / n)) << i;
  }
}

TEST(Sampler, TopKAndTopPKeepTheMostLikely) {
  EXPECT_EQ(draws({.temperature = 1, .top_k = 2}, 2000).size(), 2u);
  EXPECT_EQ(draws({.temperature = 1, .top_k = 3}, 2000).count(2), 1u);
  // The two most likely hold 2 e^2 / (2 e^2 + e + 1 + 1/e) = 0.78 of the probability.
  EXPECT_EQ(draws({.temperature = 1, .top_p = 0.75f}, 2000).size(), 2u);
  EXPECT_EQ(draws({.temperature = 1, .top_p = 0.80f}, 2000).size(), 3u);
  EXPECT_EQ(draws({.temperature = 1, .top_p = 1e-6f}, 2000).size(), 1u);
}

TEST(Sampler, TheSameSeedRepeatsTheDraws) {
  EXPECT_EQ(draws({.temperature = 1, .seed = 5}, 50), draws({.temperature = 1, .seed = 5}, 50));
  EXPECT_NE(draws({.temperature = 1, .seed = 5}, 50), draws({.temperature = 1, .seed = 6}, 50));
}

TEST(Sampler, RefusesLogitsThatAreNotFinite) {
  const std::vector<float> broken(4, std::numeric_limits<float>::quiet_NaN());
  EXPECT_THROW(Sampler({}).pick({broken.data(), broken.size()}), Error);
}

TEST(Sampler, RefusesValuesOutOfRange) {
  EXPECT_THROW(Sampler({.temperature = -1}), Error);
  EXPECT_THROW(Sampler({.temperature = 1, .top_p = 0}), Error);
  EXPECT_THROW(Sampler({.temperature = 1, .top_k = -1}), Error);
}

}  // namespace
}  // namespace starnest
