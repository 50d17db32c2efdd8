#include "train/run/training_bar.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/text.h"

namespace starnest::train {
namespace {

constexpr int kBarWidth = 24;
constexpr double kRedrawSeconds = 0.2, kPlainSeconds = 20;

std::string duration(double seconds) {
  const int64_t whole = int64_t(seconds);
  const std::string rest = std::to_string(whole % 60);
  return std::to_string(whole / 60) + ":" + (rest.size() < 2 ? "0" : "") + rest;
}

}  // namespace

TrainingBar::TrainingBar(std::string label, int64_t first_step, int64_t steps, const Style& style)
    : label_(std::move(label)),
      first_step_(first_step),
      steps_(steps),
      style_(style),
      terminal_(isatty(STDERR_FILENO) == 1),
      shown_(start_) {}

TrainingBar::~TrainingBar() {
  if (drawn_) std::fputc('\n', stderr);
}

double TrainingBar::seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

std::string TrainingBar::line(int64_t done, const std::string& status) const {
  const double elapsed = std::max(seconds(), 1e-9);
  const double left = elapsed / double(std::max<int64_t>(1, done - first_step_)) * double(steps_ - done);
  const int filled = int(kBarWidth * done / std::max<int64_t>(1, steps_));
  const double rate = double(tokens_) / elapsed;
  const std::string utilisation =
      style_.token_seconds > 0 ? format_number("  %.0f %% MFU", 100 * rate * style_.token_seconds) : std::string();
  return label_ + " [" + std::string(size_t(filled), '#') + std::string(size_t(kBarWidth - filled), '.') + "] " +
         std::to_string(done) + "/" + std::to_string(steps_) + "  " + status + "  " + grouped(uint64_t(rate)) +
         " tokens/s" + utilisation + "  " + duration(left) + " left";
}

void TrainingBar::update(int64_t done, int64_t tokens, const std::string& status) {
  tokens_ += tokens;
  if (!style_.shown) return;
  const double since = std::chrono::duration<double>(Clock::now() - shown_).count();
  if (since < (terminal_ ? kRedrawSeconds : kPlainSeconds) && done != steps_) return;
  shown_ = Clock::now();
  std::fprintf(stderr, terminal_ ? "\r\033[K%s" : "%s\n", line(done, status).c_str());
  std::fflush(stderr);
  drawn_ = terminal_;
}

void TrainingBar::say(const std::string& text) {
  if (!style_.shown) return;
  std::fprintf(stderr, drawn_ ? "\r\033[K%s\n" : "%s\n", text.c_str());
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace starnest::train
