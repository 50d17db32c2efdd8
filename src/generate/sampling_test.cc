#include "generate/sampling.h"

#include <cmath>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/test_support.h"
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

// Wherever they stand: the largest of such numbers says nothing.
TEST(Sampler, NothingIsChosenByLogitsThatAreNotFinite) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  for (const float bad : {nan, infinity, -infinity})
    for (size_t at = 0; at < kLogits.size(); ++at)
      for (const float temperature : {0.0f, 1.0f}) {
        std::vector<float> logits = kLogits;
        logits[at] = bad;
        Sampler sampler({.temperature = temperature});
        EXPECT_NE(error_of([&] { sampler.pick({logits.data(), logits.size()}); }).find("logits: are not finite"),
                  std::string::npos)
            << bad << " at " << at;
      }
}

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

// Temperature, top_k, top_p and min_p in this order, as transformers 5.23 applies them (TemperatureLogitsWarper,
// TopKLogitsWarper, TopPLogitsWarper, MinPLogitsWarper, then softmax in F64).
TEST(Candidates, AreThoseOfTransformers) {
  const std::vector<float> logits{0.5f, 2, 1, 1.75f, -1, 0.25f};
  const std::vector<std::pair<Sampling, std::vector<double>>> cases{
      {{.temperature = 0.7f}, {0.0545039, 0.4645779, 0.1113366, 0.3250524, 0.0063944, 0.0381349}},
      {{.temperature = 1.5f, .top_k = 3}, {0, 0.4237470, 0.2175590, 0.3586941, 0, 0}},
      {{.temperature = 1, .top_p = 0.8f}, {0, 0.4658356, 0.1713713, 0.3627931, 0, 0}},
      {{.temperature = 1.3f, .top_k = 5, .top_p = 0.9f}, {0.1211368, 0.3840476, 0.1779559, 0.3168596, 0, 0}},
      {{.temperature = 0.8f, .min_p = 0.2f}, {0, 0.4955106, 0.1419662, 0.3625233, 0, 0}},
      {{.temperature = 1.2f, .top_k = 4, .top_p = 0.9f, .min_p = 0.45f}, {0, 0.5518958, 0, 0.4481042, 0, 0}},
      {{.temperature = 2, .top_k = 5, .top_p = 0.95f, .min_p = 0.5f}, {0, 0.4017633, 0.2436818, 0.3545549, 0, 0}},
      {{.temperature = 0.5f, .top_p = 0.3f, .min_p = 0.9f}, {0, 1, 0, 0, 0, 0}},
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    std::vector<double> probabilities(logits.size());
    for (const Candidate& c : candidates(cases[i].first, {logits.data(), logits.size()}))
      probabilities[size_t(c.id)] = c.probability;
    for (size_t id = 0; id < logits.size(); ++id)
      EXPECT_NEAR(probabilities[id], cases[i].second[id], 1e-6) << "case " << i << " id " << id;
  }
}

TEST(Candidates, OfEqualsTheLowerIdsStay) {
  const auto kept = [](const Sampling& sampling) {
    std::vector<TokenId> ids;
    for (const Candidate& c : candidates(sampling, view())) ids.push_back(c.id);
    return ids;
  };
  EXPECT_EQ(kept({.temperature = 1, .top_k = 1}), (std::vector<TokenId>{1}));
  EXPECT_EQ(kept({.temperature = 1, .top_p = 1e-6f}), (std::vector<TokenId>{1}));
  EXPECT_EQ(kept({.temperature = 1, .min_p = 1}), (std::vector<TokenId>{1, 3}));
  EXPECT_EQ(kept({.temperature = 1, .top_k = 100}).size(), 5u);
  EXPECT_EQ(kept({}), (std::vector<TokenId>{1}));
}

TEST(Sampler, TheSameSeedRepeatsTheDraws) {
  EXPECT_EQ(draws({.temperature = 1, .seed = 5}, 50), draws({.temperature = 1, .seed = 5}, 50));
  EXPECT_NE(draws({.temperature = 1, .seed = 5}, 50), draws({.temperature = 1, .seed = 6}, 50));
}

TEST(Sampler, RefusesLogitsThatAreNotFinite) {
  const std::vector<float> broken(4, std::numeric_limits<float>::quiet_NaN());
  EXPECT_THROW(Sampler({}).pick({broken.data(), broken.size()}), Error);
  const std::vector<float> one{0, 1, std::numeric_limits<float>::quiet_NaN()};
  EXPECT_THROW(Sampler({.temperature = 1}).pick({one.data(), one.size()}), Error);
}

TEST(Sampler, RefusesValuesOutOfRange) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  for (const float t : {-1.0f, nan, infinity}) EXPECT_THROW(Sampler({.temperature = t}), Error) << t;
  EXPECT_THROW(Sampler({.temperature = 1, .top_k = -1}), Error);
  for (const float p : {0.0f, -0.5f, 1.01f, nan}) EXPECT_THROW(Sampler({.temperature = 1, .top_p = p}), Error) << p;
  for (const float p : {-0.01f, 1.01f, nan}) EXPECT_THROW(Sampler({.temperature = 1, .min_p = p}), Error) << p;
  EXPECT_EQ(error_of([] { Sampler({.min_p = 2}); }), "min-p: is out of range; expected 0 to 1, got 2.");
}

}  // namespace
}  // namespace starnest
