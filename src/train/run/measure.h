// Shared by the jobs: set-up of a run, and the development metric as text and as JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "format/json/jsonl.h"
#include "train/distill/dev_metric.h"
#include "train/parallel/processes.h"

namespace starnest::train {

// Threads of LibTorch, and denormals flushed to zero (decays of the scan reach them and would cost time).
void use_threads(int threads);

// Prints what a job is about to do, in the first process only.
void print_settings(const std::string& job, const std::string& settings, const Processes& processes);

// Whether something that happens every `every` steps (0: never) is due after `step` of `steps`; always at the end.
bool is_due(int64_t step, int every, int64_t steps);

// What a run is measured by: problems of the tasks, or rows of text.
struct DevData {
  std::vector<DevSet> sets;
  std::vector<BatchTensors> text;
};

struct MeasuredSet {
  std::string task, way;
  Accuracy accuracy;
};
struct Measured {
  std::vector<MeasuredSet> sets;    // in the order of the dev sets
  std::optional<double> text_loss;  // cross entropy in nats per position, where there is text
};
Measured measure(const Parameters& weights, const SizeContext& size, const DevData& dev);

// Percent: "long 99.8 (trace 99.9, answer 100.0)  terse ...  none 21.0  cut 98.0". The trace of "none" is empty, and of
// "cut" only the answer counts. Means over tasks; with several, each one's "long" follows. Of text: "loss 2.31
// (perplexity 10.1)".
std::string measured_text(const Measured& measured);
JsonLine measured_json(const Measured& measured);
Accuracy mean_of(const Measured& measured, const std::string& way);  // over tasks, which weigh alike

}  // namespace starnest::train
