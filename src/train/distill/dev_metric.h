// Accuracy without generation. Traces are unique, so greedy decoding reproduces the gold completion exactly when the
// argmax is right at every teacher-forced position.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tasks/mix.h"
#include "train/distill/batch_tensors.h"
#include "train/modules/model.h"

namespace starnest::train {

// Shares of samples in [0, 1].
struct Accuracy {
  double whole = 0;   // every token of trace and answer right
  double trace = 0;   // every token of the trace, </think> included
  double answer = 0;  // every token of the answer, <eos> included, given the gold trace
  double kl = 0;      // from the teacher, nats per completion position; 0 for a set without goals
};

// The problems of one task, asked in one way.
struct DevSet {
  std::string task;
  std::string way;
  std::vector<BatchTensors> batches;
  std::vector<Tensor> goals = {};  // the teacher's logits at the completion positions of each batch; or none
};

// For every task its share of `problems` problems, k from its first split upward and within `limits` (0: the task's
// own), the same ones in four ways: "long"
// (e2), "terse" (e1), "none" (e0), and "cut" (e2, the trace one step short: only its answer can be told).
std::vector<DevSet> dev_sets(const std::vector<std::string>& tasks, tasks::Split split, size_t problems, uint64_t seed,
                             tasks::KRange limits = {0, 0});

// What KL is measured from, from now on.
void set_goals(DevSet& set, const Parameters& teacher);

Accuracy accuracy(const Parameters& weights, const SizeContext& size, const DevSet& set);

}  // namespace starnest::train
