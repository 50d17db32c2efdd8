// Private to format: PCRE2 behind a plain interface.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace starnest {

// A compiled expression over UTF-8. Immutable; find_all is safe from any thread.
class Regex {
 public:
  enum class Syntax { oniguruma, literal };  // literal: the pattern is the text to find

  // Throws Error naming `where` for a pattern that PCRE2 refuses or pcre2_from_oniguruma cannot translate.
  Regex(std::string_view pattern, Syntax syntax, std::string where);

  // Calls match(begin, end) for the matches in `text` (valid UTF-8), leftmost first, not overlapping; an empty match
  // right after another match is left out. Throws Error when PCRE2 gives up (its match or stack limit).
  void find_all(std::string_view text, const std::function<void(size_t begin, size_t end)>& match) const;

 private:
  std::shared_ptr<const void> code_;
  std::string where_;
};

// An expression of tokenizer.json, which is written for Oniguruma (Ruby syntax, UTF-8), in PCRE2's spelling, for
// PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE. What means something else in PCRE2 is respelled (\s \S \w \W \d \uHHHH,
// script names) or, where no equal form is simple, refused: throws Error naming `where`, the construct and its byte
// offset. Accepted: literals, classes without nesting or && or POSIX names, groups ( (?: (?i: (?> (?= (?! (?<= (?<!,
// alternation, quantifiers, \p{..}, \P{..}, escapes of punctuation, \t \n \r
// \f \a \e \xHH \x{H..} \0.
std::string pcre2_from_oniguruma(std::string_view pattern, std::string_view where);

}  // namespace starnest
