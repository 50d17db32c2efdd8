#include "train/distill/dev_metric.h"

#include <cmath>

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "train/distill/losses.h"
#include "train/modules/test_models.h"

namespace starnest::train {
namespace {

// A model without blocks whose next token depends on the current one only: it can be told what to say.
Weights table_model(const std::vector<std::pair<int, int>>& next) {
  ModelSpec spec;
  spec.architecture = "nemotron_h";
  spec.hidden = 64;
  spec.vocab = 64;
  const Weights weights(spec);
  weights(Role::embedding).copy_(torch::eye(64));
  weights(Role::final_norm).fill_(1);
  for (const auto& [token, follower] : next) weights(Role::head)[follower][token] = 1;
  return weights;
}

DevSet one_batch(const std::vector<tasks::Sample>& samples) {
  std::vector<tasks::TokenSample> rows;
  for (const tasks::Sample& sample : samples) rows.push_back(tasks::tokens(sample));
  return {"r", "made", {to_tensors(tasks::make_batch(rows, 8))}};
}

TEST(DevMetric, TellsTraceAndAnswerApart) {
  // r:a5b+3? with effort e0 has an empty trace: <think> </think> 8 <eos>.
  const tasks::Problem problem{.family = "r", .body = "a5b+3", .k = 1};
  const DevSet set = one_batch({tasks::make_sample(problem, tasks::Effort::none)});
  const int eight = 34 + 8;
  const Accuracy all = accuracy(table_model({{3, 4}, {4, eight}, {eight, 2}}), SizeContext::full(), set);
  EXPECT_EQ(all.whole, 1);
  const Accuracy wrong_answer = accuracy(table_model({{3, 4}, {4, 34}, {eight, 2}}), SizeContext::full(), set);
  EXPECT_EQ(wrong_answer.whole, 0);
  EXPECT_EQ(wrong_answer.trace, 1);
  EXPECT_EQ(wrong_answer.answer, 0);
  const Accuracy wrong_trace = accuracy(table_model({{3, 9}, {4, eight}, {eight, 2}}), SizeContext::full(), set);
  EXPECT_EQ(wrong_trace.whole, 0);
  EXPECT_EQ(wrong_trace.trace, 0);
  EXPECT_EQ(wrong_trace.answer, 1);
}

TEST(DevMetric, LogitsThatAreNotFiniteAreNoMeasure) {
  DevSet set = one_batch({tasks::make_sample({.family = "r", .body = "a5b+3", .k = 1}, tasks::Effort::none)});
  const Weights weights = table_model({{3, 4}});
  weights(Role::head)[40][4] = std::nanf("");
  EXPECT_NE(error_of([&] { accuracy(weights, SizeContext::full(), set); }).find("logits: are not finite"),
            std::string::npos);
  EXPECT_NE(error_of([&] { set_goals(set, weights); }).find("logits: are not finite"), std::string::npos);
}

TEST(DevMetric, SetsHoldTheSameProblemsInFourWays) {
  const std::vector<DevSet> sets = dev_sets({"r"}, tasks::Split::development, 150, 1);
  ASSERT_EQ(sets.size(), 4u);
  std::vector<int64_t> completions;
  for (const DevSet& set : sets) {
    int64_t rows = 0, positions = 0;
    for (const BatchTensors& batch : set.batches) rows += batch.ids.size(0), positions += batch.completion.numel();
    EXPECT_EQ(rows, 150) << set.way;
    completions.push_back(positions);
  }
  EXPECT_GT(completions[0], completions[1]);  // long against terse
  EXPECT_EQ(completions[2], 150 * 3);         // none: </think>, a digit, <eos>
  EXPECT_GT(completions[0], completions[3]);  // long against long less a step
}

TEST(DevMetric, SetsShareTheProblemsAmongFamilies) {
  const std::vector<DevSet> sets = dev_sets({"r", "h", "c"}, tasks::Split::development, 90, 1);
  ASSERT_EQ(sets.size(), 12u);
  for (const DevSet& set : sets) {
    int64_t rows = 0;
    for (const BatchTensors& batch : set.batches) rows += batch.ids.size(0);
    EXPECT_EQ(rows, 30) << set.family << " " << set.way;
  }
  EXPECT_EQ(sets[4].family, "h");
  EXPECT_EQ(sets[4].way, "long");
}

}  // namespace
}  // namespace starnest::train
