// Private to format: a file of JSON lines, or of one JSON array, cut into the texts of its values.
#pragma once

#include <optional>
#include <string>

#include "base/lines.h"

namespace starnest {

struct JsonPiece {
  std::string text;
  std::string where;  // "train.jsonl:12", and in an array also the number of the element
  bool ended = true;  // false: a last line without its line end, which may be cut off
};

// A file whose first line that is not empty begins with '[' is one array; any other holds one value per line. Only an
// array is cut by its brackets, so that a broken line stays alone. Not thread-safe.
class JsonPieces {
 public:
  explicit JsonPieces(LineReader lines) : lines_(std::move(lines)) {}

  // The next value; empty lines are passed over. Throws Error naming the place for a value above 64 MiB and for an
  // array that is not closed or that something follows; then nothing comes after it.
  std::optional<JsonPiece> next();

 private:
  std::optional<JsonPiece> next_element();
  std::string element_text();
  std::optional<char> visible();  // the next character of the array that is no white space
  bool next_line();
  [[noreturn]] void fail_array(const char* what);

  LineReader lines_;
  bool is_array_ = false, any_ = false, done_ = false;
  std::string line_;  // of the array
  size_t at_ = 0;
  size_t elements_ = 0;
};

}  // namespace starnest
