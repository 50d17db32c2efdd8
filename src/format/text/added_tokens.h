// Private to format: tokens that are found in the text before anything else is done to it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/dims.h"

namespace starnest {

struct AddedToken {
  TokenId id = 0;
  std::string content;  // what to find; already normalised when `normalized`
  bool special = false;
  bool normalized = false;   // found in the normalised text instead of the raw one
  bool lstrip = false;       // takes the white space on its left with it
  bool rstrip = false;       // ... on its right
  bool single_word = false;  // found only where no word character touches it
};

// A part of a text: a token, or, with id -1, text between tokens.
struct AddedSegment {
  TokenId id;
  size_t begin, end;
};

// Finds the leftmost, then longest token, again and again. Immutable, safe from any thread.
class AddedTokenMatcher {
 public:
  explicit AddedTokenMatcher(std::vector<AddedToken> tokens);

  // The parts of `text` in order, none empty. Without `parse_special`, special tokens stay text.
  std::vector<AddedSegment> split(std::string_view text, bool parse_special) const;

 private:
  const AddedToken* longest_at(std::string_view text, size_t at) const;

  std::vector<AddedToken> tokens_;  // sorted by content
};

}  // namespace starnest
