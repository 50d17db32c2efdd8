// Drawing samples for training and problems for tests. Pure functions of their arguments: any sample can be drawn
// again, alone, on any machine and thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/sample.h"
#include "tasks/split.h"
#include "tasks/task.h"

namespace starnest::tasks {

struct MixConfig {
  std::vector<std::string> tasks = {"r"};  // drawn equally often
  double none = 0.07;                      // share of effort e0; the three shares are divided by their sum
  double terse = 0.46;                     // share of e1
  double full = 0.47;                      // share of e2
  double cut = 0.30;                       // part of the e1 and e2 samples whose trace stops early, in [0, 1]
  int cut_steps = 1;                       // how many whole steps early: uniform from 1 to this; >= 1
  int k_low = 0;                           // smallest k; 0 = each task's own training range
  int k_high = 0;                          // largest k; 0 = each task's own training range
  double short_share = 0;                  // part of the samples with k from the lower half of its range, in [0, 1]
  double lowest_share = 0;                 // part of the samples with the smallest k of its range, in [0, 1]
  double growth = 0.4;  // part of training over which the upper end of k grows linearly from low to high, in [0, 1]

  template <class Visitor>
  static void fields(Visitor&& field) {
    field("tasks", &MixConfig::tasks, "tasks, drawn equally often");
    field("none", &MixConfig::none, "share of effort e0 (no trace); shares are divided by their sum");
    field("terse", &MixConfig::terse, "share of effort e1 (one result a step)");
    field("full", &MixConfig::full, "share of effort e2 (every step in full)");
    field("cut", &MixConfig::cut, "part of the e1 and e2 samples whose trace stops early, in [0, 1]");
    field("cut_steps", &MixConfig::cut_steps, "most steps cut off; at least 1");
    field("k_low", &MixConfig::k_low, "smallest k; 0 = the task's own");
    field("k_high", &MixConfig::k_high, "largest k; 0 = the task's own");
    field("short_share", &MixConfig::short_share, "part of the samples with k from the lower half of its range");
    field("lowest_share", &MixConfig::lowest_share, "part of the samples with the smallest k (f: asked directly)");
    field("growth", &MixConfig::growth, "part of training over which the largest k grows, in [0, 1]");
  }
};

// Throws Error naming the first field that is out of range. draw() checks as well.
void check(const MixConfig& mix);

// The range of k in use for `task` when `progress` (in [0, 1]) of the training is done.
KRange k_range(const MixConfig& mix, const Task& task, double progress);

// Sample `index` of the endless stream that `seed` names. The problem belongs to `split`. An early stop never removes
// the first step, and the answer stays that of the whole problem.
Sample draw(const MixConfig& mix, Split split, uint64_t seed, uint64_t index, double progress);

// `n` distinct problems of `split`, k = k.low, k.low + 1, ... k.high in turn. A k whose problems are used up is left
// out from there on, so small k may have fewer (r: 88 test problems at k = 2). Efforts share one set of problems.
// Below the task's first_split_k training has seen the problems (split.h): leave that k out of results.
// Throws Error when the task has fewer than `n` such problems, or not this k.
std::vector<Problem> test_set(std::string_view task, Split split, size_t n, uint64_t seed, KRange k);

}  // namespace starnest::tasks
