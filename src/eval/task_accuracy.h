// Accuracy on synthetic reasoning tasks, by generation: exact match of what follows the closing tag.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/progress.h"
#include "report/statistics.h"
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
  double bytes = 0;       // that its steps move, each question counted as if it ran alone (StageReport::bytes)
  std::string hand_over;  // the way that the answering size took over, e.g. "recompute"; empty when it did not
};

struct TaskAccuracy {
  std::vector<Stage> stages;        // of the plan
  std::vector<TaskRecord> records;  // in the order of the questions
  double seconds = 0;
  std::vector<std::string> notices;  // of answers here, each kind once

  Tally tally() const;
  int count(ThinkEnd end) const;
  std::map<std::string, int> hand_overs() const;  // how often each way was used
  double mean(int TaskRecord::* tokens) const;    // over the records; 0 without any
  double mean_bytes() const;
};

struct TaskRun {
  Plan plan;
  Sampling sampling;  // each question draws from a seed of its own
  int parallel = 32;  // questions that share the engine's steps
  // Records of the first questions that an earlier run has answered; only the others are asked. A set of more questions
  // begins with those of a set of fewer.
  std::vector<TaskRecord> answered = {};
  std::function<void(const TaskRecord&)> on_record = {};  // each new one, in the order of the questions
  Progress progress = {};
};

// The sizes of a plan in the order in which they write: "small>large", "small" when one does all.
std::string sizes_text(const std::vector<Stage>& stages);

// Asks every question under one plan. Throws Error for a plan or a task that does not fit, and for answers of other
// questions.
TaskAccuracy task_accuracy(const Family& family, const TaskQuestionSet& questions, const TaskRun& run);

}  // namespace starnest
