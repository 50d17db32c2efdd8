#include "cli/line_input.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include <editline/readline.h>

namespace starnest::cli {

LineInput::LineInput() : interactive_(isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0) {
  if (interactive_) using_history();
}

std::optional<std::string> LineInput::next(const char* prompt) {
  if (!interactive_) return lines_.next();
  // Ctrl-C is for answers: while a line is typed it must not end the program.
  const auto before = std::signal(SIGINT, SIG_IGN);
  const std::unique_ptr<char, decltype(&std::free)> typed(readline(prompt), std::free);
  std::signal(SIGINT, before);
  if (!typed) return std::nullopt;
  std::string line = typed.get();
  if (!line.empty()) add_history(line.c_str());
  return line;
}

}  // namespace starnest::cli
