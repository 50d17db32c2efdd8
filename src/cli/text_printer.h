// An answer as it is written: text to standard output, who writes it to standard error.
#pragma once

#include <chrono>
#include <string>

#include "program/terminal.h"
#include "starnest/session.h"

namespace starnest::cli {

// Thinking is dimmed on a terminal, which is also spared what it would obey in the text. Not thread-safe.
class TextPrinter {
 public:
  struct Style {
    bool names = true;  // which size writes, on standard error, since it is not text
    bool rate = false;  // tokens/s behind the text while it is written, on a terminal
  };
  explicit TextPrinter(const Style& style);

  void operator()(const TextPiece& piece);
  void finish();  // ends the line. Throws Error when the text could not be written.

 private:
  using Clock = std::chrono::steady_clock;

  void start(const TextPiece& piece);
  void advance_column(std::string_view text);
  void show_rate();
  void hide_rate();

  Style style_;
  bool on_terminal_;
  Terminal terminal_;
  size_t width_ = 0;  // of the terminal
  bool writing_ = false;
  Phase phase_ = Phase::thinking;
  std::string size_;
  size_t column_ = 0;
  int pieces_ = 0;
  bool rate_shown_ = false;
  Clock::time_point start_;
};

}  // namespace starnest::cli
