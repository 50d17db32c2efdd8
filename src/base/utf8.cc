#include "base/utf8.h"

#include <array>
#include <cstdio>

namespace starnest {
namespace {

// The range of the second byte rules out overlong forms, surrogates and what lies beyond U+10FFFF (Unicode table 3-7).
struct Lead {
  int continuations;  // -1: cannot start a character
  uint8_t second_low, second_high;
};

constexpr Lead lead_of(uint8_t byte) {
  if (byte < 0x80) return {0, 0, 0};
  if (byte >= 0xc2 && byte <= 0xdf) return {1, 0x80, 0xbf};
  if (byte >= 0xe0 && byte <= 0xef)
    return {2, uint8_t(byte == 0xe0 ? 0xa0 : 0x80), uint8_t(byte == 0xed ? 0x9f : 0xbf)};
  if (byte >= 0xf0 && byte <= 0xf4)
    return {3, uint8_t(byte == 0xf0 ? 0x90 : 0x80), uint8_t(byte == 0xf4 ? 0x8f : 0xbf)};
  return {-1, 0, 0};
}

}  // namespace

Utf8Step utf8_step(std::string_view text, size_t at) {
  const Lead lead = lead_of(uint8_t(text[at]));
  if (lead.continuations < 0) return {Utf8::invalid, 1};
  for (size_t k = 1; k <= size_t(lead.continuations); ++k) {
    if (at + k == text.size()) return {Utf8::incomplete, k};
    const auto byte = uint8_t(text[at + k]);
    const bool fits = k == 1 ? byte >= lead.second_low && byte <= lead.second_high : is_continuation(text[at + k]);
    if (!fits) return {Utf8::invalid, k};
  }
  return {Utf8::valid, size_t(lead.continuations) + 1};
}

char32_t code_point_at(std::string_view text, size_t at) {
  const auto lead = uint8_t(text[at]);
  if (lead < 0x80) return lead;
  const int continuations = lead_of(lead).continuations;
  char32_t value = lead & (0x3f >> continuations);
  for (int k = 1; k <= continuations; ++k) value = (value << 6) | (uint8_t(text[at + size_t(k)]) & 0x3fu);
  return value;
}

void append_utf8(std::string& out, char32_t code_point) {
  const auto tail = [&](int shift) { out += char(0x80 | ((code_point >> shift) & 0x3f)); };
  if (code_point < 0x80) {
    out += char(code_point);
  } else if (code_point < 0x800) {
    out += char(0xc0 | (code_point >> 6));
    tail(0);
  } else if (code_point < 0x10000) {
    out += char(0xe0 | (code_point >> 12));
    tail(6), tail(0);
  } else {
    out += char(0xf0 | (code_point >> 18));
    tail(12), tail(6), tail(0);
  }
}

size_t append_lossy(std::string& out, std::string_view bytes, bool is_end) {
  size_t at = 0;
  while (at < bytes.size()) {
    const Utf8Step step = utf8_step(bytes, at);
    if (step.kind == Utf8::incomplete && !is_end) break;
    out += step.kind == Utf8::valid ? bytes.substr(at, step.length) : "\xef\xbf\xbd";
    at += step.length;
  }
  return at;
}

std::string describe_char(char32_t code_point) {
  std::array<char, 16> number{};
  std::snprintf(number.data(), number.size(), "U+%04X", unsigned(code_point));
  if (code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0)) return number.data();
  std::string text = "'";
  append_utf8(text, code_point);
  return text + "' (" + number.data() + ")";
}

}  // namespace starnest
