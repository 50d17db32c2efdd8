// Private to format: the regular expressions of tokenizer.json are written for Oniguruma (Ruby syntax, UTF-8) and run
// here by PCRE2.
#pragma once

#include <string>
#include <string_view>

namespace starnest {

// The same expression in PCRE2's spelling, for PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE. What means something else in
// PCRE2 is respelled (\s \S \w \W \d \uHHHH, script names) or, where no equal form is simple, refused: throws Error
// naming `where`, the construct and its byte offset. Accepted: literals, classes without nesting or && or POSIX names,
// groups ( (?: (?i: (?> (?= (?! (?<= (?<!, alternation, quantifiers, \p{..}, \P{..}, escapes of punctuation, \t \n \r
// \f \a \e \xHH \x{H..} \0.
std::string pcre2_from_oniguruma(std::string_view pattern, std::string_view where);

}  // namespace starnest
