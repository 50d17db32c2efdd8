// Accuracy on synthetic reasoning tasks, by generation: exact match of what follows the closing tag.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/base/progress.h"
#include "report/intervals.h"
#include "starnest/session.h"
#include "tasks/split.h"
#include "tasks/task.h"

namespace starnest {

struct TaskQuestionSet {
  std::string task = "r";  // name of a task family
  tasks::Effort effort = tasks::Effort::full;
  tasks::Split split = tasks::Split::test;
  int count = 1000;   // distinct problems
  uint64_t seed = 0;  // of the problems
  int k_low = 2;      // the task's knob; the family's training range when k_high is 0
  int k_high = 0;
};

struct TaskRecord {
  tasks::Problem problem;
  std::string expected;
  std::string thinking;
  std::string answer;
  bool right = false;
  ThinkEnd think_end = ThinkEnd::none;
  int thinking_tokens = 0;
  int answer_tokens = 0;
  int prompt_tokens = 0;
  double bytes = 0;  // that its steps move, each counted as if it ran alone (runtime/family_impl.h)
};

struct TaskAccuracy {
  std::string think_size, answer_size;
  std::vector<TaskRecord> records;  // in the order of the questions
  double seconds = 0;

  Tally tally() const;
  int count(ThinkEnd end) const;
  double mean(int TaskRecord::* tokens) const;  // over the records; 0 without any
  double mean_bytes() const;
};

// Asks every question under one plan, `parallel` at a time. Throws Error for a plan or a task that does not fit.
TaskAccuracy task_accuracy(const Family& family, const TaskQuestionSet& questions, const Plan& plan,
                           const Sampling& sampling, int parallel, const Progress& progress = {});

}  // namespace starnest
