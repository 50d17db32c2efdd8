// Progress of a training run on standard error: a line that is redrawn on a terminal, a plain line now and then
// elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace starnest::train {

// Speed and time left are those of this process, so a resumed run shows its own. Not thread-safe.
class TrainingBar {
 public:
  struct Style {
    bool shown = true;         // false: prints nothing, for all but the first of several processes
    double token_seconds = 0;  // that a token would take if all its arithmetic ran at product_rate(); 0: no MFU
  };
  TrainingBar(std::string label, int64_t first_step, int64_t steps, const Style& style);
  ~TrainingBar();
  TrainingBar(const TrainingBar&) = delete;
  TrainingBar& operator=(const TrainingBar&) = delete;

  // After `done` of the run's steps; `tokens` were read in the last one. `status` is e.g. "loss 0.123".
  void update(int64_t done, int64_t tokens, const std::string& status);
  // Prints a line that stays.
  void say(const std::string& line);
  double seconds() const;

 private:
  using Clock = std::chrono::steady_clock;
  std::string line(int64_t done, const std::string& status) const;

  std::string label_;
  int64_t first_step_, steps_;
  int64_t tokens_ = 0;
  Style style_;
  bool terminal_;
  bool drawn_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point shown_;
};

}  // namespace starnest::train
