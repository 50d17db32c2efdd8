#include "cli/text_printer.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

#include <sys/ioctl.h>

#include "base/text.h"

namespace starnest::cli {
namespace {

size_t terminal_width() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

}  // namespace

TextPrinter::TextPrinter(const Style& style)
    : style_(style), terminal_(isatty(STDOUT_FILENO) != 0), width_(terminal_ ? terminal_width() : 0) {}

void TextPrinter::operator()(const TextPiece& piece) {
  if (!writing_ || piece.phase != phase_ || piece.size != size_) start(piece);
  hide_rate();
  const bool dim = terminal_ && phase_ == Phase::thinking;  // closed at once: a second Ctrl-C may come any time
  std::fprintf(stdout, "%s%.*s%s", dim ? "\033[2m" : "", int(piece.text.size()), piece.text.data(),
               dim ? "\033[0m" : "");
  advance_column(piece.text);
  ++pieces_;
  show_rate();
  std::fflush(stdout);
}

void TextPrinter::finish() {
  if (!std::exchange(writing_, false)) return;
  hide_rate();
  std::fputs("\n", stdout);
  if (std::fflush(stdout) != 0 || std::ferror(stdout)) throw Error("standard output", "cannot be written");
}

void TextPrinter::start(const TextPiece& piece) {
  finish();
  phase_ = piece.phase;
  size_ = piece.size;
  writing_ = true;
  column_ = 0, pieces_ = 0;
  start_ = Clock::now();
  if (!style_.names) return;
  const std::string name = "[" + size_ + (phase_ == Phase::thinking ? " thinks]" : " answers]");
  std::fprintf(stderr, "%s%s", name.c_str(), terminal_ ? " " : "\n");
  column_ = name.size() + 1;
}

void TextPrinter::advance_column(std::string_view text) {
  for (const char c : text) {
    if (c == '\n')
      column_ = 0;
    else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80)  // not inside a UTF-8 character
      column_ += 1;
  }
  if (width_ > 0) column_ %= width_;
}

// Written behind the cursor, which stays; never where it would wrap the line.
void TextPrinter::show_rate() {
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  if (!style_.rate || !terminal_ || pieces_ < 2 || seconds <= 0) return;
  const std::string text = "  " + grouped(uint64_t(double(pieces_ - 1) / seconds)) + " tokens/s";
  if (column_ + text.size() + 1 >= width_) return;
  std::fprintf(stdout, "\0337\033[2m%s\033[0m\0338", text.c_str());
  rate_shown_ = true;
}

void TextPrinter::hide_rate() {
  if (std::exchange(rate_shown_, false)) std::fputs("\033[K", stdout);
}

}  // namespace starnest::cli
