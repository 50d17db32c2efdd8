#include "base/text.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <numeric>
#include <utility>

namespace starnest {
namespace {

// Levenshtein distance, one row of the table at a time.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row.back();
}

}  // namespace

std::string suggest(std::string_view given, std::span<const std::string> known) {
  const std::string* nearest = nullptr;
  size_t best = std::max<size_t>(1, given.size() / 2);
  for (const std::string& name : known) {
    const size_t distance = edit_distance(given, name);
    if (distance <= best && (!nearest || distance < best)) {
      nearest = &name;
      best = distance;
    }
  }
  if (nearest) return "Did you mean " + in_quotes(*nearest) + "? Known: " + join(known, ", ");
  return "Known: " + join(known, ", ");
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts{""};
  for (const char c : text) {
    if (c == separator)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
  return lower;
}

std::string join(std::span<const std::string> parts, std::string_view separator) {
  std::string text;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i) text += separator;
    text += parts[i];
  }
  return text;
}

std::string bytes_text(uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  double value = double(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return format_number(unit ? "%.2f " : "%.0f ", value) + kUnits[unit];
}

std::string grouped(uint64_t number) {
  std::string digits = std::to_string(number);
  for (size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

std::string shape_text(std::span<const uint64_t> shape) {
  std::vector<std::string> extents;
  for (const uint64_t extent : shape) extents.push_back(std::to_string(extent));
  return "[" + join(extents, ", ") + "]";
}

std::string in_quotes(std::string_view text) { return "'" + std::string(text) + "'"; }

std::string format_number(const char* format, double value) {
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), format, value);
  return buffer.data();
}

size_t valid_utf8_prefix(std::string_view text) {
  // Lead byte -> continuation bytes; the second byte's range rules out overlong forms, surrogates and > U+10FFFF.
  size_t i = 0;
  while (i < text.size()) {
    const auto byte = [&](size_t k) { return i + k < text.size() ? int(uint8_t(text[i + k])) : -1; };
    const int lead = byte(0);
    int extra = 0, low = 0x80, high = 0xbf;
    if (lead < 0x80)
      extra = 0;
    else if (lead >= 0xc2 && lead <= 0xdf)
      extra = 1;
    else if (lead >= 0xe0 && lead <= 0xef)
      extra = 2, low = lead == 0xe0 ? 0xa0 : 0x80, high = lead == 0xed ? 0x9f : 0xbf;
    else if (lead >= 0xf0 && lead <= 0xf4)
      extra = 3, low = lead == 0xf0 ? 0x90 : 0x80, high = lead == 0xf4 ? 0x8f : 0xbf;
    else
      return i;
    for (int k = 1; k <= extra; ++k) {
      const int next = byte(size_t(k));
      if (next < (k == 1 ? low : 0x80) || next > (k == 1 ? high : 0xbf)) return i;
    }
    i += size_t(extra) + 1;
  }
  return text.size();
}

}  // namespace starnest
