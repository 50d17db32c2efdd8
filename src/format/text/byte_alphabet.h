// Private to format: the alphabet in which byte-level BPE files spell bytes. Printable bytes stand for themselves, the
// other 68 for U+0100 and on, in order (GPT-2's bytes_to_unicode), so that every token is readable text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace starnest {

std::string spell_bytes(std::string_view bytes);  // " a" -> "Ġa"

// The inverse; nothing when `text` (valid UTF-8) has a character outside the alphabet.
std::optional<std::string> unspell_bytes(std::string_view text);

}  // namespace starnest
