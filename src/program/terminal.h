// What may be sent to a terminal, and how text of files is shown on one.
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>

namespace starnest {

struct Terminal {
  bool redraws = false;  // a terminal that moves its cursor and erases: not TERM=dumb
  bool colours = false;  // the same, and NO_COLOR is not set (no-color.org): dimmed text counts as a colour
};
Terminal terminal_of(std::FILE* file);  // all false for a file or a pipe

size_t columns_of(std::FILE* file);  // of the window as it is now; 80 where it does not say

// The start of `line` that fills at most `columns`. Counts two for what is not ASCII, which may be wide.
std::string fitted(const std::string& line, size_t columns);

// printf for people: names, notes and messages may come from files, so that what a terminal would obey is written out
// (visible() in base/text.h), except line ends and tabs.
void print(std::FILE* out, const char* format, ...) __attribute__((format(printf, 2, 3)));

}  // namespace starnest
