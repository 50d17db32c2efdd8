#include "engine/logits.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace starnest {
namespace {

const std::vector<float> kP{1, 3, 3, -2}, kQ{0, 0, 0, 0};

TEST(Logits, SumsAreThoseOfTheDefinition) {
  const Logits p(kP), q(kQ);
  const double sum = std::exp(1) + 2 * std::exp(3) + std::exp(-2);
  EXPECT_NEAR(p.log_sum(), std::log(sum), 1e-6);
  EXPECT_NEAR(p.log_probability(3), -2 - std::log(sum), 1e-6);
  EXPECT_EQ(p.likeliest(), 1);
  double divergence = 0;
  for (const float l : kP) divergence += std::exp(l) / sum * (l - std::log(sum) + std::log(4.0));
  EXPECT_NEAR(p.divergence_from(q), divergence, 1e-6);
}

TEST(Logits, NoIdReadsOutside) {
  const Logits p(kP);
  for (const TokenId id : {-1, 4, 4'000'000, std::numeric_limits<TokenId>::min()})
    EXPECT_NE(error_of([&] { p.log_probability(id); }).find("is not in the vocabulary; expected 0 to 3"),
              std::string::npos)
        << id;
}

TEST(Logits, WhatIsNotFiniteIsRefused) {
  for (const float bad : {std::nanf(""), INFINITY, -INFINITY})
    for (size_t at = 0; at < kP.size(); ++at) {
      std::vector<float> row = kP;
      row[at] = bad;
      EXPECT_NE(error_of([&] { Logits{row}; }).find("logits: are not finite"), std::string::npos);
    }
}

}  // namespace
}  // namespace starnest
