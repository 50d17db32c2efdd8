#include "base/text.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <numeric>
#include <utility>

#include "base/utf8.h"

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

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// U+0080 to U+009F, which terminals take for escape sequences too.
bool is_c1_control(std::string_view character) {
  return character.size() > 1 && character[0] == '\xc2' && static_cast<unsigned char>(character[1]) < 0xa0;
}

std::string escape_of(char c) {
  if (c == '\n') return "\\n";
  if (c == '\r') return "\\r";
  if (c == '\t') return "\\t";
  const auto byte = static_cast<unsigned char>(c);
  return std::string("\\x") + "0123456789abcdef"[byte >> 4] + "0123456789abcdef"[byte & 15];
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

std::string visible(std::string_view text, std::string_view kept) {
  std::string shown;
  size_t broken_at = valid_utf8_prefix(text);
  for (size_t i = 0; i < text.size(); ++i) {
    const bool broken = i == broken_at;
    if (broken) broken_at = i + 1 + valid_utf8_prefix(text.substr(i + 1));
    const bool c1 = !broken && is_c1_control(text.substr(i));
    if (c1) ++i;  // its second byte says which
    const bool stays = !broken && !c1 && (!is_control(text[i]) || kept.find(text[i]) != kept.npos);
    shown += stays ? std::string(1, text[i]) : escape_of(text[i]);
  }
  return shown;
}

std::string in_quotes(std::string_view text) { return "'" + visible(text) + "'"; }

std::string format_number(const char* format, double value) {
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), format, value);
  return buffer.data();
}

size_t valid_utf8_prefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const Utf8Step step = utf8_step(text, at);
    if (step.kind != Utf8::valid) break;
    at += step.length;
  }
  return at;
}

}  // namespace starnest
