#include "cli/text_printer.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

#include "base/text.h"
#include "program/terminal.h"
#include "starnest/error.h"

namespace starnest::cli {
namespace {

[[noreturn]] void fail_to_write() { throw Error("standard output", "cannot be written"); }

}  // namespace

TextPrinter::TextPrinter(const Style& style)
    : style_(style),
      on_terminal_(isatty(STDOUT_FILENO) != 0),
      terminal_(terminal_of(stdout)),
      width_(on_terminal_ ? columns_of(stdout) : 0) {}

void TextPrinter::operator()(const TextPiece& piece) {
  if (!writing_ || piece.phase != phase_ || piece.size != size_) start(piece);
  hide_rate();
  // A file gets what the model wrote, byte for byte; a terminal nothing that it would obey.
  const std::string text = on_terminal_ ? visible(piece.text, "\n\t") : std::string(piece.text);
  const bool dim = terminal_.colours && phase_ == Phase::thinking;  // closed at once: a second Ctrl-C may come any time
  if (dim) std::fputs("\033[2m", stdout);
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (dim) std::fputs("\033[0m", stdout);
  advance_column(text);
  ++pieces_;
  show_rate();
  if (std::fflush(stdout) != 0) fail_to_write();  // nobody reads what would still be computed
}

void TextPrinter::finish() {
  if (!std::exchange(writing_, false)) return;
  hide_rate();
  std::fputs("\n", stdout);
  if (std::fflush(stdout) != 0 || std::ferror(stdout)) fail_to_write();
}

void TextPrinter::start(const TextPiece& piece) {
  finish();
  phase_ = piece.phase;
  size_ = piece.size;
  writing_ = true;
  column_ = 0, pieces_ = 0;
  start_ = Clock::now();
  if (!style_.names) return;
  const std::string name = "[" + visible(size_) + (phase_ == Phase::thinking ? " thinks]" : " answers]");
  print(stderr, "%s%s", name.c_str(), on_terminal_ ? " " : "\n");
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
  if (!style_.rate || !terminal_.redraws || pieces_ < 2 || seconds <= 0) return;
  const std::string text = "  " + grouped(uint64_t(double(pieces_ - 1) / seconds)) + " tokens/s";
  if (column_ + text.size() + 1 >= width_) return;
  std::fprintf(stdout, terminal_.colours ? "\0337\033[2m%s\033[0m\0338" : "\0337%s\0338", text.c_str());
  rate_shown_ = true;
}

void TextPrinter::hide_rate() {
  if (std::exchange(rate_shown_, false)) std::fputs("\033[K", stdout);
}

}  // namespace starnest::cli
