#include "eval/task_accuracy.h"

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "generate/test_pocket.h"
#include "starnest/error.h"

namespace starnest {
namespace {

const TaskQuestionSet kQuestions{.effort = tasks::Effort::terse, .count = 7, .seed = 3, .k_high = 4};

TaskRun in_parallel(int questions) {
  TaskRun run;
  run.plan.max_tokens = 64;
  run.sampling = {.temperature = 1, .seed = 5};
  run.parallel = questions;
  return run;
}

void expect_same(const TaskRecord& a, const TaskRecord& b) {
  EXPECT_EQ(a.problem.canonical(), b.problem.canonical());
  EXPECT_EQ(a.thinking, b.thinking);
  EXPECT_EQ(a.answer, b.answer);
  EXPECT_EQ(a.right, b.right);
}

// What is drawn for a question depends on its number alone, not on its neighbours.
TEST(TaskAccuracy, IsThatOfQuestionsAskedOneByOne) {
  const TaskAccuracy alone = task_accuracy(pocket(), kQuestions, in_parallel(1));
  const TaskAccuracy together = task_accuracy(pocket(), kQuestions, in_parallel(4));
  ASSERT_EQ(alone.records.size(), 7u);
  ASSERT_EQ(together.records.size(), 7u);
  for (size_t i = 0; i < 7; ++i) expect_same(alone.records[i], together.records[i]);
  EXPECT_EQ(alone.tally().trials, 7u);
  EXPECT_GE(alone.tally().successes, 4u);  // it has learned them
}

// Their prompts together are more than what a step reads for one who only wants his answers.
TEST(TaskAccuracy, WhatAQuestionCostsDoesNotDependOnThoseBesideIt) {
  TaskQuestionSet many = kQuestions;
  many.count = 80;
  const TaskAccuracy alone = task_accuracy(pocket(), many, in_parallel(1));
  const TaskAccuracy together = task_accuracy(pocket(), many, in_parallel(80));
  ASSERT_EQ(together.records.size(), 80u);
  for (size_t i = 0; i < 80; ++i) EXPECT_DOUBLE_EQ(together.records[i].bytes, alone.records[i].bytes) << i;
}

TEST(TaskAccuracy, GoesOnBehindTheAnswersOfAnEarlierRun) {
  const TaskAccuracy whole = task_accuracy(pocket(), kQuestions, in_parallel(3));
  TaskRun rest = in_parallel(2);
  rest.answered.assign(whole.records.begin(), whole.records.begin() + 4);
  std::vector<TaskRecord> told;
  rest.on_record = [&](const TaskRecord& record) { told.push_back(record); };
  const TaskAccuracy resumed = task_accuracy(pocket(), kQuestions, rest);
  ASSERT_EQ(resumed.records.size(), 7u);
  ASSERT_EQ(told.size(), 3u);
  for (size_t i = 0; i < 7; ++i) expect_same(resumed.records[i], whole.records[i]);
  for (size_t i = 0; i < 3; ++i) expect_same(told[i], whole.records[4 + i]);
  rest.answered.front() = whole.records[1];
  EXPECT_NE(error_of([&] { task_accuracy(pocket(), kQuestions, rest); }).find("question 1: was answered before"),
            std::string::npos);
}

TEST(TaskAccuracy, QuestionsThatATaskDoesNotHaveAreNamed) {
  TaskQuestionSet set = kQuestions;
  set.k_high = 1000;
  EXPECT_NE(error_of([&] { task_accuracy(pocket(), set, in_parallel(1)); }).find("k of task 'r': is out of range"),
            std::string::npos);
  set = kQuestions;
  set.task = "none";
  EXPECT_NE(error_of([&] { task_accuracy(pocket(), set, in_parallel(1)); }), "no error");
}

}  // namespace
}  // namespace starnest
