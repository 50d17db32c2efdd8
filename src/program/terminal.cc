#include "program/terminal.h"

#include <unistd.h>

#include <cstdarg>
#include <cstdlib>
#include <string_view>

#include <sys/ioctl.h>

#include "base/text.h"

namespace starnest {
namespace {

constexpr size_t kUsualColumns = 80;

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

}  // namespace

Terminal terminal_of(std::FILE* file) {
  const std::string_view kind = variable("TERM");
  const bool redraws = ::isatty(::fileno(file)) == 1 && !kind.empty() && kind != "dumb";
  return {.redraws = redraws, .colours = redraws && variable("NO_COLOR").empty()};
}

size_t columns_of(std::FILE* file) {
  winsize size{};
  return ::ioctl(::fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kUsualColumns;
}

std::string fitted(const std::string& line, size_t columns) {
  const auto starts_character = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
  size_t used = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    if (!starts_character(line[i])) continue;
    used += static_cast<unsigned char>(line[i]) < 0x80 ? 1 : 2;
    if (used > columns) return line.substr(0, i);
  }
  return line;
}

void print(std::FILE* out, const char* format, ...) {
  std::va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  const int size = std::vsnprintf(nullptr, 0, format, arguments);
  va_end(arguments);
  std::string text(size > 0 ? size_t(size) : 0, '\0');
  std::vsnprintf(text.data(), text.size() + 1, format, again);
  va_end(again);
  text = visible(text, "\n\t");
  std::fwrite(text.data(), 1, text.size(), out);
}

}  // namespace starnest
