// Which tasks can tell plans apart: where one size answers better than another although both think equally well.
#pragma once

#include <string>
#include <vector>

namespace starnest::train {

struct GapSettings {
  std::string model;                    // family folder
  std::vector<std::string> tasks{"r"};  // names of synthetic tasks
  int problems = 1000;                  // of each task, from the development split
  int k_low = 0, k_high = 0;            // limits of the tasks' knob; 0: the task's own
  int threads = 1;

  template <class Visitor>
  static void fields(Visitor&& field) {
    field("model", &GapSettings::model, "family folder");
    field("tasks", &GapSettings::tasks, "synthetic tasks");
    field("problems", &GapSettings::problems, "problems of each task, from the development split");
    field("k_low", &GapSettings::k_low, "smallest k of the problems; 0 = the task's own");
    field("k_high", &GapSettings::k_high, "largest k; 0 = the task's own");
    field("threads", &GapSettings::threads, "threads of LibTorch");
  }
};

// One way to ask one task; shares in [0, 1] of the largest and the smallest size, teacher-forced.
struct Gap {
  std::string task;
  std::string way;  // "long", "terse", or "cut": the answer after a long trace that stops one step early
  double trace_large, trace_small;    // whole trace right
  double answer_large, answer_small;  // answer right given the gold trace

  // Thinking does not need the large size, answering does: then small->large should beat small alone.
  bool small_thinks_large_answers() const {
    return answer_large - answer_small >= kAnswerGap - kRounding && trace_large - trace_small <= kTraceGap + kRounding;
  }

  static constexpr double kAnswerGap = 0.15, kTraceGap = 0.02, kRounding = 1e-9;
};

// Measured without generation (distill/dev_metric.h). Throws Error for a model of one size.
std::vector<Gap> measure_gaps(const GapSettings& settings);

// The same as a table on standard output.
void print_gaps(const GapSettings& settings);

}  // namespace starnest::train
