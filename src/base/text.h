// Small text helpers, for messages and for what people write on a command line.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace starnest {

// "did you mean 'x'", or "known: a, b, c" when nothing is near. For the hint of an Error.
std::string suggest(std::string_view given, std::span<const std::string> known);

std::string join(std::span<const std::string> parts, std::string_view separator);
std::vector<std::string> split(std::string_view text, char separator);  // always at least one part, which may be empty

std::string lower_case(std::string_view text);  // A-Z only

// The whole of `text` as a number, or nothing: also for spaces, a leading plus and numbers that Number cannot hold.
template <std::integral Number>
std::optional<Number> whole_number(std::string_view text) {
  Number number = 0;
  const char *const begin = text.data(), *const end = begin + text.size();
  const auto [stop, problem] = std::from_chars(begin, end, number);
  if (problem != std::errc() || stop != end) return std::nullopt;
  return number;
}

std::string bytes_text(uint64_t bytes);                   // "58.82 GiB", "512 B"
std::string grouped(uint64_t number);                     // "31,577,940,288"
std::string shape_text(std::span<const uint64_t> shape);  // "[8, 64]"
// What a terminal would obey, written out: control characters as "\n" or "\x1b", bytes that are not UTF-8 as "\xff".
// Those in `kept` stay.
std::string visible(std::string_view text, std::string_view kept = {});
std::string in_quotes(std::string_view text);                 // 'text', visible
std::string format_number(const char* format, double value);  // printf, one number

// Byte offset of the first byte that is not valid UTF-8, or text.size().
size_t valid_utf8_prefix(std::string_view text);

}  // namespace starnest
