#include "format/text/byte_alphabet.h"

#include <array>

#include "format/text/utf8.h"

namespace starnest {
namespace {

constexpr bool stands_for_itself(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
}

constexpr int kHighest = 0x100 + 67;  // 68 bytes do not stand for themselves

struct Alphabet {
  std::array<char16_t, 256> char_of{};
  std::array<int16_t, kHighest + 1> byte_of{};  // -1: no byte
};

constexpr Alphabet make_alphabet() {
  Alphabet alphabet;
  alphabet.byte_of.fill(-1);
  int next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const int code_point = stands_for_itself(byte) ? byte : next++;
    alphabet.char_of[size_t(byte)] = char16_t(code_point);
    alphabet.byte_of[size_t(code_point)] = int16_t(byte);
  }
  return alphabet;
}

constexpr Alphabet kAlphabet = make_alphabet();

}  // namespace

std::string spell_bytes(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() + bytes.size() / 4);
  for (const char byte : bytes) append_utf8(text, kAlphabet.char_of[uint8_t(byte)]);
  return text;
}

std::optional<std::string> unspell_bytes(std::string_view text) {
  std::string bytes;
  for (size_t at = 0; at < text.size();) {
    const char32_t code_point = code_point_at(text, at);
    if (code_point > char32_t(kHighest) || kAlphabet.byte_of[code_point] < 0) return std::nullopt;
    bytes += char(kAlphabet.byte_of[code_point]);
    at += utf8_step(text, at).length;
  }
  return bytes;
}

}  // namespace starnest
