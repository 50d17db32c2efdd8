// Tables as text: comma-separated values as RFC 4180 has them, and values separated by tabs.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/lines.h"

namespace starnest {

struct TableFormat {
  char separator;
  bool quotes;  // fields in quotation marks may hold separators, line breaks and doubled marks
};
inline constexpr TableFormat kCsv{',', true};
inline constexpr TableFormat kTsv{'\t', false};  // a quotation mark is text

struct TableRow {
  size_t line = 0;  // from 1: where it begins
  std::vector<std::string> fields;
  bool operator==(const TableRow&) const = default;
};

// Empty lines are passed over. Throws Error naming the line of a quotation mark that is never closed or that other text
// follows, and of a row that has another number of fields than the first one.
std::vector<TableRow> read_table(LineReader lines, TableFormat format);

}  // namespace starnest
