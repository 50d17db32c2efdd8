// Progress of long work on standard error: one line that is redrawn on a terminal, a plain line now and then elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

namespace starnest {

// "label  [#####.....]  50 %  1.00 GiB of 2.00 GiB  512.00 MiB/s  0:02 left". `unit` is "B" for bytes, else a word such
// as "problems". Pure.
struct ProgressState {
  std::string label;
  std::string unit = "B";
  uint64_t done = 0;
  uint64_t total = 0;
  uint64_t before = 0;      // of `done`, by an earlier run: the speed is that of this one
  double seconds = 0;       // since the start
  std::string status = {};  // after the amounts, e.g. "loss 0.123"
};
std::string progress_line(const ProgressState& state);

// "0:05", "12:34", "1:02:03"
std::string duration_text(double seconds);

// Not thread-safe. Never wider than the window, which may change. The line is removed when the bar goes away.
class ProgressBar {
 public:
  struct Style {
    std::string unit = "B";
    uint64_t before = 0;  // done by an earlier run
    bool stays = false;   // the last line stays, and is printed however short the work was
    bool shown = true;    // false: prints nothing, for all but the first of several processes
    std::FILE* out = stderr;
  };
  explicit ProgressBar(std::string label) : ProgressBar(std::move(label), Style()) {}
  ProgressBar(std::string label, Style style);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void update(uint64_t done, uint64_t total, const std::string& status = {});
  void say(const std::string& line);  // prints a line that stays
  void clear();                       // before something else is printed
  double seconds() const;

 private:
  using Clock = std::chrono::steady_clock;

  ProgressState state_;
  Style style_;
  bool redraws_;
  bool drawn_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
};

}  // namespace starnest
