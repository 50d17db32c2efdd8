// What a user types, line by line.
#pragma once

#include <optional>
#include <string>

#include "base/lines.h"

namespace starnest::cli {

// On a terminal with editing and a history (libedit); else plain lines without a prompt.
class LineInput {
 public:
  LineInput();

  // The next line without its end; nothing at the end of the input.
  std::optional<std::string> next(const char* prompt);
  bool interactive() const { return interactive_; }

 private:
  bool interactive_;
  LineReader lines_ = LineReader::standard_input();
};

}  // namespace starnest::cli
