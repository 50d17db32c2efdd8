// Progress of a training run: steps, what a step says, tokens per second.
#pragma once

#include <cstdint>
#include <string>

#include "program/progress_bar.h"

namespace starnest::train {

// Speed and time left are those of this process, so a resumed run shows its own. Not thread-safe.
class TrainingBar {
 public:
  struct Style {
    bool shown = true;         // false: prints nothing, for all but the first of several processes
    double token_seconds = 0;  // that a token would take if all its arithmetic ran at product_rate(); 0: no MFU
  };
  TrainingBar(const std::string& label, int64_t first_step, int64_t steps, const Style& style);

  // After `done` of the run's steps; `tokens` were read in the last one. `status` is e.g. "loss 0.123".
  void update(int64_t done, int64_t tokens, const std::string& status);
  void say(const std::string& line) { bar_.say(line); }  // prints a line that stays
  double seconds() const { return bar_.seconds(); }

 private:
  ProgressBar bar_;
  int64_t steps_;
  int64_t tokens_ = 0;
  double token_seconds_;
};

}  // namespace starnest::train
