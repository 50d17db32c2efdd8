#include "program/progress_bar.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/text.h"
#include "program/terminal.h"

namespace starnest {
namespace {

constexpr int kCells = 24;
constexpr auto kRedraw = std::chrono::milliseconds(100);
constexpr auto kPlainLine = std::chrono::seconds(30);

std::string amount(uint64_t number, const std::string& unit) {
  return unit == "B" ? bytes_text(number) : grouped(number);
}

}  // namespace

std::string duration_text(double seconds) {
  const auto whole = uint64_t(std::llround(std::max(0.0, seconds)));
  const auto two_digits = [](uint64_t n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  const std::string minutes = std::to_string(whole / 60 % 60);
  if (whole < 3600) return minutes + ":" + two_digits(whole % 60);
  return std::to_string(whole / 3600) + ":" + two_digits(whole / 60 % 60) + ":" + two_digits(whole % 60);
}

std::string progress_line(const ProgressState& state) {
  const uint64_t done = std::min(state.done, state.total);
  const double share = state.total ? double(done) / double(state.total) : 1;
  const auto cells = size_t(share * kCells);
  std::string line = visible(state.label) + "  [" + std::string(cells, '#') + std::string(kCells - cells, '.') + "]  " +
                     std::to_string(int(share * 100)) + " %  " + amount(done, state.unit) + " of " +
                     amount(state.total, state.unit);
  if (state.unit != "B") line += " " + state.unit;
  if (!state.status.empty()) line += "  " + visible(state.status);
  if (done <= state.before || state.seconds < 0.05) return line;
  const double rate = double(done - state.before) / state.seconds;
  line += "  " + (state.unit == "B" ? bytes_text(uint64_t(rate)) : format_number("%.1f", rate)) + "/s";
  return line + "  " + duration_text(double(state.total - done) / rate) + " left";
}

ProgressBar::ProgressBar(std::string label, Style style)
    : state_{.label = std::move(label), .unit = style.unit, .before = style.before, .status = {}},
      style_(std::move(style)),
      redraws_(terminal_of(style_.out).redraws) {}

ProgressBar::~ProgressBar() {
  if (style_.stays && std::exchange(drawn_, false)) print(style_.out, "\n");
  clear();
}

double ProgressBar::seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

void ProgressBar::update(uint64_t done, uint64_t total, const std::string& status) {
  if (!style_.shown) return;
  const auto now = Clock::now();
  const bool last = style_.stays && done == total;
  if (!last && now - last_ < (redraws_ ? Clock::duration(kRedraw) : Clock::duration(kPlainLine))) return;
  last_ = now;
  state_.done = done;
  state_.total = total;
  state_.status = status;
  state_.seconds = seconds();
  const std::string line = progress_line(state_);
  if (redraws_)
    std::fprintf(style_.out, "\r%s\033[K", fitted(line, columns_of(style_.out) - 1).c_str());
  else
    print(style_.out, "%s\n", line.c_str());
  std::fflush(style_.out);
  drawn_ = redraws_;
}

void ProgressBar::say(const std::string& line) {
  if (!style_.shown) return;
  clear();
  print(style_.out, "%s\n", line.c_str());
  std::fflush(style_.out);
}

void ProgressBar::clear() {
  if (!std::exchange(drawn_, false)) return;
  std::fputs("\r\033[K", style_.out);
  std::fflush(style_.out);
}

}  // namespace starnest
