// Stepping through text that may not be valid UTF-8. (Whether it is: valid_utf8_prefix in base/text.h.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace starnest {

enum class Utf8 { valid, invalid, incomplete };  // incomplete: the text ends inside a character

// What starts at `at` (< text.size()). `length` is that of the character, or of the longest prefix of one (at least 1):
// the unit that Unicode and Rust's from_utf8_lossy replace by one U+FFFD.
struct Utf8Step {
  Utf8 kind;
  size_t length;
};
Utf8Step utf8_step(std::string_view text, size_t at);

// The code point that starts at `at` of valid text.
char32_t code_point_at(std::string_view text, size_t at);
void append_utf8(std::string& out, char32_t code_point);

inline bool is_continuation(char byte) { return (uint8_t(byte) & 0xc0) == 0x80; }

// Appends `bytes` to `out` with every invalid part replaced by U+FFFD. Returns the bytes consumed: all, or, unless
// `is_end`, those before a character that the bytes do not complete.
size_t append_lossy(std::string& out, std::string_view bytes, bool is_end);

// 'x' (U+0078) for a message; control characters by number only.
std::string describe_char(char32_t code_point);

}  // namespace starnest
