// Private to format: cutting normalised text into the pieces that BPE merges within.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/text/regex.h"

namespace starnest {

// What becomes of the matches of a pattern, as in HF tokenizers' SplitDelimiterBehavior.
enum class SplitBehavior { isolated, removed, merged_with_previous, merged_with_next, contiguous };

// One step of a pre_tokenizer. With no pattern it only adds the space.
struct PretokenStep {
  std::optional<Regex> pattern;
  SplitBehavior behavior = SplitBehavior::isolated;
  bool invert = false;            // what does not match counts as a match and the other way round
  bool add_prefix_space = false;  // first put a space before a piece that does not begin with one (ByteLevel)
};

struct Piece {
  std::string_view text;
  size_t offset;  // of text in the section; of the first byte after it for an added space
  bool has_added_space = false;
};

// Immutable, safe from any thread.
class Pretokenizer {
 public:
  explicit Pretokenizer(std::vector<PretokenStep> steps) : steps_(std::move(steps)) {}

  // The non-empty pieces of `section`, in order. They point into `section` or, where a space was added, into `storage`.
  std::vector<Piece> split(std::string_view section, std::deque<std::string>& storage) const;

 private:
  std::vector<PretokenStep> steps_;
};

}  // namespace starnest
