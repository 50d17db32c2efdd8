// Private to format: properties of characters and the normal form, through utf8proc.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace starnest {

bool is_white_space(char32_t c);  // the property White_Space
bool is_word_char(char32_t c);    // \w of Unicode TR18: alphabetic, mark, decimal digit, connector, join control

// Whether `text` is surely in NFC already: a quick look, false only means that to_nfc may change something.
bool is_surely_nfc(std::string_view text);
std::string to_nfc(std::string_view text);  // text: valid UTF-8

}  // namespace starnest
