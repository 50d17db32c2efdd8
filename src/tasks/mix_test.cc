#include "tasks/mix.h"

#include <array>
#include <cmath>
#include <functional>
#include <set>

#include <gtest/gtest.h>

#include "starnest/error.h"

namespace starnest::tasks {
namespace {

constexpr int kSamples = 20'000;

// Four standard deviations of a count out of kSamples.
double tolerance(double share) { return 4 * std::sqrt(kSamples * share * (1 - share)); }

TEST(Mix, EffortsAndCutsHaveTheirShares) {
  std::array<int, 3> efforts{};
  int cut = 0;
  for (int i = 0; i < kSamples; ++i) {
    const Sample sample = draw({}, Split::train, 7, uint64_t(i), 1.0);
    ++efforts[size_t(sample.effort)];
    cut += sample.steps_cut;
    EXPECT_LE(sample.steps_cut, sample.effort == Effort::none ? 0 : 1);
  }
  EXPECT_NEAR(efforts[0], 0.07 * kSamples, tolerance(0.07));
  EXPECT_NEAR(efforts[1], 0.46 * kSamples, tolerance(0.46));
  EXPECT_NEAR(efforts[2], 0.47 * kSamples, tolerance(0.47));
  EXPECT_NEAR(cut, 0.93 * 0.30 * kSamples, tolerance(0.93 * 0.30));
}

TEST(Mix, TasksAndKAreUniform) {
  const MixConfig mix{.tasks = {"r", "r97"}};
  int first = 0;
  std::array<int, 11> ks{};
  for (int i = 0; i < kSamples; ++i) {
    const Sample sample = draw(mix, Split::train, 8, uint64_t(i), 1.0);
    first += sample.problem.task == "r";
    ++ks.at(size_t(sample.problem.k));
  }
  EXPECT_NEAR(first, 0.5 * kSamples, tolerance(0.5));
  EXPECT_EQ(ks[0], 0);
  for (int k = 1; k <= 10; ++k) EXPECT_NEAR(ks[size_t(k)], 0.1 * kSamples, tolerance(0.1)) << "k = " << k;
}

TEST(Mix, TheUpperEndOfKGrowsOverTheFirstPartOfTraining) {
  const Task& r = task_named("r");
  EXPECT_EQ(k_range({}, r, 0.0), (KRange{1, 1}));
  EXPECT_EQ(k_range({}, r, 0.2), (KRange{1, 5}));  // 1 + floor(9 / 2)
  EXPECT_EQ(k_range({}, r, 0.399), (KRange{1, 9}));
  EXPECT_EQ(k_range({}, r, 0.4), (KRange{1, 10}));
  EXPECT_EQ(k_range({}, r, 1.0), (KRange{1, 10}));
  EXPECT_EQ(k_range({.growth = 0}, r, 0.0), (KRange{1, 10}));
  EXPECT_EQ(k_range({.k_low = 2, .k_high = 12}, r, 0.2), (KRange{2, 7}));
  for (uint64_t i = 0; i < 500; ++i) EXPECT_LE(draw({}, Split::train, 9, i, 0.2).problem.k, 5);
}

TEST(Mix, EverySampleIsSolvedAsItsTaskSaysAndHeldOutFromTraining) {
  for (const Split split : {Split::train, Split::development, Split::test}) {
    for (uint64_t i = 0; i < 300; ++i) {
      const Sample sample = draw({.cut_steps = 2}, split, 10, i, 1.0);
      EXPECT_EQ(text(sample), text(make_sample(sample.problem, sample.effort, sample.steps_cut)));
      EXPECT_EQ(
          make_sample(sample.problem, Effort::full).trace.find(make_sample(sample.problem, Effort::full, 1).trace), 0u);
      if (sample.problem.k >= 2) {
        EXPECT_EQ(split_of(sample.problem.canonical()), split);
      }
    }
  }
}

TEST(Mix, ASampleDependsOnSeedAndIndexOnly) {
  const Sample sample = draw({}, Split::train, 1, 1000, 1.0);
  for (uint64_t i = 0; i < 10; ++i) draw({}, Split::train, 2, i, 0.5);
  EXPECT_EQ(text(draw({}, Split::train, 1, 1000, 1.0)), text(sample));
  EXPECT_NE(text(draw({}, Split::train, 2, 1000, 1.0)), text(sample));
  EXPECT_NE(text(draw({}, Split::train, 1, 1001, 1.0)), text(sample));
}

TEST(Mix, TheStreamNeverChanges) {
  // Recorded when this was written: published runs name their data by seed.
  EXPECT_EQ(text(draw({}, Split::train, 0, 0, 1.0)), "<bos>r:a8b+4c-8?<e2><think>a8;b+42;</think>4<eos>");
  EXPECT_EQ(text(draw({}, Split::train, 0, 1, 1.0)),
            "<bos>r:a1b*7c*7d+9e*9f-1g+4h*3i*3?<e2><think>a1;b*77;c*79;d+98;e*92;f-11;g+45;h*35;i*35;</think>5<eos>");
  EXPECT_EQ(test_set("r", Split::test, 1, 0, {4, 4}).front().canonical(), "r:a5b*7c+2d-4e-6");
}

TEST(Mix, ASettingOutOfRangeIsNamed) {
  const auto refused = [](const MixConfig& mix, std::string_view field) {
    try {
      check(mix);
      ADD_FAILURE() << "accepted " << field;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(field), std::string::npos) << error.what();
    }
  };
  check(MixConfig{});
  refused({.tasks = {}}, "'tasks'");
  refused({.tasks = {"x"}}, "'x'");
  refused({.none = -1}, "'none'");
  refused({.terse = std::nan("")}, "'terse'");
  refused({.none = 0, .terse = 0, .full = 0}, "'full'");
  refused({.cut = 1.5}, "'cut'");
  refused({.cut_steps = 0}, "'cut_steps'");
  refused({.k_high = 26}, "1 to 25");
  refused({.k_low = 11}, "11 to 10");
  refused({.short_share = -0.1}, "'short_share'");
  refused({.growth = 2}, "'growth'");
  refused({.lowest_share = 1.1}, "'lowest_share'");
}

TEST(Mix, ShortSamplesHaveAKFromTheLowerHalf) {
  int lower = 0;
  for (uint64_t i = 0; i < 1000; ++i) {
    EXPECT_LE(draw({.short_share = 1}, Split::train, 10, i, 1.0).problem.k, 5);
    lower += draw({.short_share = 0.7}, Split::train, 10, i, 1.0).problem.k <= 5;
  }
  EXPECT_NEAR(lower, 850, 40);  // 0.7 + 0.3 * 5/10
}

TEST(Mix, APartOfTheSamplesHasTheSmallestK) {
  int lowest = 0;
  for (uint64_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(draw({.tasks = {"f"}, .lowest_share = 1}, Split::train, 10, i, 1.0).problem.k, 0);
    lowest += draw({.tasks = {"f"}, .lowest_share = 0.5}, Split::train, 10, i, 1.0).problem.k == 0;
  }
  EXPECT_NEAR(lowest, 556, 60);  // 0.5 + 0.5 / 9
}

TEST(Mix, EverySettingIsInTheListOfFields) {
  std::set<std::string> names;
  MixConfig::fields([&](const char* name, auto, const char* help) {
    names.insert(name);
    EXPECT_GT(std::string(help).size(), 10u);
  });
  EXPECT_EQ(names, (std::set<std::string>{"tasks", "none", "terse", "full", "cut", "cut_steps", "k_low", "k_high",
                                          "short_share", "lowest_share", "growth"}));
}

TEST(TestSet, HasDistinctProblemsOfItsSplitWithEveryKEquallyOften) {
  const std::vector<Problem> problems = test_set("r", Split::test, 800, 5, {3, 10});
  std::set<std::string> distinct;
  std::array<int, 11> ks{};
  for (const Problem& problem : problems) {
    distinct.insert(problem.canonical());
    ++ks.at(size_t(problem.k));
    EXPECT_EQ(split_of(problem.canonical()), Split::test);
  }
  EXPECT_EQ(distinct.size(), 800u);
  for (int k = 3; k <= 10; ++k) EXPECT_EQ(ks[size_t(k)], 100);
  EXPECT_EQ(test_set("r", Split::test, 800, 5, {3, 10}), problems);
  EXPECT_NE(test_set("r", Split::test, 800, 6, {3, 10}), problems);
}

TEST(TestSet, AUsedUpKIsLeftOutAndTheOthersFillUp) {
  std::array<int, 4> ks{};
  for (const Problem& problem : test_set("r", Split::test, 400, 5, {2, 3})) ++ks.at(size_t(problem.k));
  EXPECT_EQ(ks[2], 88);  // all there are: of 4,410 problems, counted in Python
  EXPECT_EQ(ks[3], 312);
}

TEST(TestSet, AskingForTooManyOrAnImpossibleKIsRefused) {
  try {
    test_set("r", Split::test, 100, 5, {2, 2});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.parts().got, "88");
  }
  EXPECT_THROW(test_set("r", Split::test, 1, 5, {0, 3}), Error);
  EXPECT_THROW(test_set("r", Split::test, 1, 5, {20, 26}), Error);
  EXPECT_TRUE(test_set("r", Split::test, 0, 5, {2, 2}).empty());
  EXPECT_EQ(test_set("r", Split::test, 50, 5, {11, 25}).size(), 50u);  // the stress set
}

TEST(TestSet, TrainingNeverDrawsAProblemHeldOut) {
  std::set<std::string> held_out;
  for (const Split split : {Split::development, Split::test}) {
    for (const Problem& problem : test_set("r", split, 300, 1, {2, 4})) held_out.insert(problem.canonical());
  }
  for (uint64_t i = 0; i < 5000; ++i) {
    const Problem problem = draw({.k_high = 4}, Split::train, 1, i, 1.0).problem;
    EXPECT_FALSE(held_out.contains(problem.canonical())) << problem.canonical();
  }
}

}  // namespace
}  // namespace starnest::tasks
