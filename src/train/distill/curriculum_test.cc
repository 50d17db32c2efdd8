#include "train/distill/curriculum.h"

#include <array>
#include <cmath>

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace starnest::train {
namespace {

const CurriculumSettings kTwoStages{.stage2_weights = {0.5, 0.3, 0.2}, .micro_batches = 0};

TEST(Curriculum, StageTwoBeginsWhereItIsToldTo) {
  const Curriculum curriculum(kTwoStages, 3, 100, 1);
  EXPECT_FALSE(curriculum.in_stage2(59));
  EXPECT_TRUE(curriculum.in_stage2(60));
  EXPECT_EQ(curriculum.weights(0), (std::vector<double>{1, 1, 1}));
  EXPECT_NEAR(curriculum.weights(60)[0], 1.5, 1e-12);
  EXPECT_NEAR(curriculum.weights(60)[2], 0.6, 1e-12);
  const Curriculum one({}, 2, 100, 1);
  EXPECT_FALSE(one.in_stage2(99));
}

// Frequencies match the stage's weights within 3 sigma of plain sampling; systematic sampling varies less.
TEST(Curriculum, DrawsFollowTheWeightsOfTheStage) {
  for (const int micro_batches : {1, 2, 8}) {
    CurriculumSettings settings = kTwoStages;
    settings.micro_batches = micro_batches;
    constexpr int kSteps = 20'000;
    const Curriculum curriculum(settings, 3, 2 * kSteps, 7);
    for (const int64_t first : {0, 30'000}) {
      std::array<double, 3> counts{};
      for (int64_t step = first; step < first + 10'000; ++step) {
        const std::vector<size_t> drawn = curriculum.draw(step);
        ASSERT_EQ(drawn.size(), size_t(micro_batches));
        for (const size_t size : drawn) counts[size] += 1;
      }
      const double n = 10'000.0 * micro_batches;
      for (size_t size = 0; size < 3; ++size) {
        const double p = curriculum.weights(first)[size] / 3;
        EXPECT_NEAR(counts[size] / n, p, 3 * std::sqrt(p * (1 - p) / n)) << micro_batches << " " << first;
      }
    }
  }
}

TEST(Curriculum, AStepGivesEverySizeItsShareToWithinOne) {
  CurriculumSettings settings = kTwoStages;
  settings.micro_batches = 10;
  const Curriculum curriculum(settings, 3, 10, 7);
  for (int64_t step = 6; step < 10; ++step) {
    std::array<int, 3> counts{};
    for (const size_t size : curriculum.draw(step)) counts[size] += 1;
    EXPECT_EQ(counts, (std::array<int, 3>{5, 3, 2}));
  }
}

TEST(Curriculum, BadSettingsAreNamed) {
  const auto error = [](const CurriculumSettings& settings) {
    return error_of([&] { Curriculum(settings, 3, 10, 1); });
  };
  EXPECT_NE(error({.stage2_weights = {1, 1}}).find("expected 3, got 2"), std::string::npos);
  EXPECT_NE(error({.stage2_weights = {1, -1, 1}}).find("below 0"), std::string::npos);
  EXPECT_NE(error({.stage2_weights = {0, 0, 0}}).find("all 0"), std::string::npos);
  EXPECT_NE(error({.stage2_from = 1.5, .stage2_weights = {}}).find("--curriculum-stage2-from"), std::string::npos);
}

}  // namespace
}  // namespace starnest::train
