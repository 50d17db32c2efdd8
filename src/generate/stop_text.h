// Ending a text before a string, while it is written piece by piece.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace starnest {

// What comes out does not depend on how the text is cut into pieces. The string that is complete first counts, of
// several that are complete at once the longest. Whole characters in, whole characters out. Not thread-safe.
class StopText {
 public:
  // Throws Error for an empty string, for one that is not UTF-8, and for more than 64 strings or 64 KiB in all.
  explicit StopText(std::vector<std::string> strings);

  // The text that is certain to stand before any of the strings. Nothing more comes once one has been found.
  std::string push(std::string_view piece);
  std::string finish();  // what was held back, at the end of the text
  bool found() const { return found_; }

 private:
  size_t match_at_end(size_t end) const;  // length of the longest string that ends there, or 0

  std::vector<std::string> strings_;
  std::string pending_;  // may begin one of the strings
  bool found_ = false;
};

}  // namespace starnest
