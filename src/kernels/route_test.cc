#include "kernels/route.h"

#include <algorithm>
#include <numeric>

#include "kernels/test_util.h"

namespace starnest {
namespace {

using test::Machine;
using test::Matrix;

struct Routed {
  std::vector<int32_t> ids;
  std::vector<float> weights;
};

Routed routed(std::vector<float> logits, std::vector<float> bias, const RouteParams& params) {
  Machine machine;
  Routed result{std::vector<int32_t>(params.experts_per_token), std::vector<float>(params.experts_per_token)};
  const size_t E = logits.size(), J = params.experts_per_token;
  const test::Uniform rows(1, E);
  route(machine.exec, rows.batch(), rows.widths(), {logits.data(), 1, E, E}, {bias.data(), bias.size()}, params,
        {result.ids.data(), 1, J, J}, {result.weights.data(), 1, J, J});
  return result;
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

TEST(Route, ChoosesTheLargestKeysAscendingByNumberAndWeighsThemByTheirNormalisedScores) {
  test::for_each_back_end([] {
    const Routed got = routed({0.5f, 2, -1, 1, 3}, {}, {.experts_per_token = 3, .scale = 2.5f});
    EXPECT_EQ(got.ids, std::vector<int32_t>({1, 3, 4}));
    const double sum = sigmoid(2) + sigmoid(1) + sigmoid(3);
    EXPECT_NEAR(got.weights[0], 2.5 * sigmoid(2) / sum, 1e-6);
    EXPECT_NEAR(got.weights[1], 2.5 * sigmoid(1) / sum, 1e-6);
    EXPECT_NEAR(got.weights[2], 2.5 * sigmoid(3) / sum, 1e-6);
  });
}

TEST(Route, LetsTheBiasSelectButNeverWeigh) {
  test::for_each_back_end([] {
    const Routed got = routed({0, 1, 2}, {5, 0, 0}, {.experts_per_token = 2, .normalize = false});
    EXPECT_EQ(got.ids, std::vector<int32_t>({0, 2}));
    EXPECT_NEAR(got.weights[0], 0.5, 1e-6);
    EXPECT_NEAR(got.weights[1], sigmoid(2), 1e-6);
  });
}

TEST(Route, GivesTiesToTheLowestNumberAndNeverAnExpertTwiceEvenForNaN) {
  test::for_each_back_end([] {
    EXPECT_EQ(routed({1, 1, 1, 1}, {}, {.experts_per_token = 2}).ids, std::vector<int32_t>({0, 1}));
    const float nan = std::numeric_limits<float>::quiet_NaN();
    EXPECT_EQ(routed({nan, nan, nan, 0}, {}, {.experts_per_token = 3}).ids, std::vector<int32_t>({0, 1, 3}));
  });
}

TEST(Route, KeepsOnlyTheGroupsWhoseTwoBestKeysSumHighest) {
  test::for_each_back_end([] {
    const RouteParams params{.experts_per_token = 3, .groups = 3, .groups_kept = 2};
    // Group sums of the two best keys: 2 x 0.73, 0.95 + 0.27, 2 x 0.62: the largest key of all is in the group that
    // goes.
    EXPECT_EQ(routed({1, 1, -9, /**/ 3, -1, -9, /**/ 0.5f, 0.5f, 0.4f}, {}, params).ids,
              std::vector<int32_t>({0, 1, 6}));
    EXPECT_EQ(routed({0, 0, 0, 0}, {}, {.experts_per_token = 1, .groups = 4, .groups_kept = 1}).ids,
              std::vector<int32_t>({0}));
  });
}

TEST(Route, MatchesASortOnRandomTokensForAnyNumberOfThreadsAndStrides) {
  test::for_each_back_end([] {
    const size_t T = 120, E = 64, J = 6;
    const Matrix logits(T, E, 1, 3, -3, 3), bias(1, E, 2, 1, -0.2, 0.2);
    for (const int threads : {1, 2, 3}) {
      Machine machine(threads);
      std::vector<int32_t> ids(T * (J + 2), -7);
      Matrix weights(T, J, 3, 5);
      const test::Uniform rows(T, E);
      route(machine.exec, rows.batch(), rows.widths(), logits.view(), bias.vec(),
            {.experts_per_token = J, .scale = 2.5f}, {ids.data(), T, J, J + 2}, weights.view());
      for (size_t t = 0; t < T; ++t) {
        std::vector<int32_t> order(E);
        std::iota(order.begin(), order.end(), 0);
        std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
          const auto key = [&](int32_t e) { return sigmoid(logits.view()(t, size_t(e))) + bias.vec()[size_t(e)]; };
          return key(a) > key(b);
        });
        std::sort(order.begin(), order.begin() + J);
        EXPECT_TRUE(std::equal(order.begin(), order.begin() + J, ids.begin() + long(t * (J + 2)))) << t;
        float sum = 0;
        for (size_t j = 0; j < J; ++j) sum += weights.view()(t, j);
        EXPECT_NEAR(sum, 2.5, 1e-5);
        EXPECT_EQ(ids[t * (J + 2) + J], -7);
      }
      EXPECT_TRUE(weights.padding_untouched());
    }
  });
}

TEST(Route, ATokenChoosesAmongTheExpertsOfItsShells) {
  test::for_each_back_end([] {
    constexpr size_t kExperts[] = {3, 8};
    const std::vector<RowSpan> spans{{1, 2}, {1, 1}};
    Matrix logits(2, 8, 1);
    for (size_t t = 0; t < 2; ++t)
      for (size_t e = 0; e < 8; ++e) logits.view()(t, e) = float(e);
    std::vector<int32_t> ids(4);
    Matrix weights(2, 2, 2);
    Machine machine;
    route(machine.exec, {spans}, kExperts, logits.view(), {}, {.experts_per_token = 2}, {ids.data(), 2, 2, 2},
          weights.view());
    EXPECT_EQ(ids, std::vector<int32_t>({6, 7, 1, 2}));
  });
}

}  // namespace
}  // namespace starnest
