#include "cli/progress_bar.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/text.h"

namespace starnest::cli {
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
  std::string line = state.label + "  [" + std::string(cells, '#') + std::string(kCells - cells, '.') + "]  " +
                     std::to_string(int(share * 100)) + " %  " + amount(done, state.unit) + " of " +
                     amount(state.total, state.unit);
  if (state.unit != "B") line += " " + state.unit;
  if (done == 0 || state.seconds < 0.05) return line;
  const double rate = double(done) / state.seconds;
  line += "  " + (state.unit == "B" ? bytes_text(uint64_t(rate)) : format_number("%.1f", rate)) + "/s";
  return line + "  " + duration_text(double(state.total - done) / rate) + " left";
}

ProgressBar::ProgressBar(std::string label, std::string unit, std::FILE* out)
    : state_{std::move(label), std::move(unit)}, out_(out), terminal_(::isatty(::fileno(out)) == 1) {}

ProgressBar::~ProgressBar() { clear(); }

double ProgressBar::seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

void ProgressBar::update(uint64_t done, uint64_t total) {
  const auto now = Clock::now();
  if (now - last_ < (terminal_ ? Clock::duration(kRedraw) : Clock::duration(kPlainLine))) return;
  last_ = now;
  state_.done = done;
  state_.total = total;
  state_.seconds = seconds();
  const std::string line = progress_line(state_);
  std::fprintf(out_, terminal_ ? "\r%s\033[K" : "%s\n", line.c_str());
  std::fflush(out_);
  drawn_ = terminal_;
}

void ProgressBar::clear() {
  if (!std::exchange(drawn_, false)) return;
  std::fputs("\r\033[K", out_);
  std::fflush(out_);
}

}  // namespace starnest::cli
