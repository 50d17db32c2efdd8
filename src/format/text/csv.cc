#include "format/text/csv.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "starnest/error.h"

namespace starnest {
namespace {

// One row, which may take several lines.
class RowParser {
 public:
  RowParser(LineReader& lines, TableFormat format, std::string line)
      : lines_(lines), format_(format), line_(std::move(line)), row_{lines.number(), {}} {}

  TableRow run() {
    read_field();
    while (at_ < line_.size()) {  // at a separator
      ++at_;
      read_field();
    }
    return std::move(row_);
  }

 private:
  void read_field() {
    row_.fields.emplace_back();
    if (format_.quotes && at_ < line_.size() && line_[at_] == '"') {
      read_quoted();
      if (at_ < line_.size() && line_[at_] != format_.separator)
        throw Error(lines_.where(), "text follows a closing quotation mark");
      return;
    }
    const size_t end = std::min(line_.find(format_.separator, at_), line_.size());
    row_.fields.back() = line_.substr(at_, end - at_);
    at_ = end;
  }

  void read_quoted() {
    const std::string opened = lines_.where();
    ++at_;
    while (true) {
      while (at_ == line_.size()) {
        std::optional<std::string> next = lines_.next();
        if (!next) throw Error(opened, "a quotation mark is not closed");
        row_.fields.back() += '\n';
        line_ = *std::move(next);
        at_ = 0;
      }
      const bool quote = line_[at_] == '"';
      if (quote) ++at_;
      if (quote && (at_ == line_.size() || line_[at_] != '"')) return;  // two of them are one of the text
      row_.fields.back() += line_[at_++];
    }
  }

  LineReader& lines_;
  TableFormat format_;
  std::string line_;
  size_t at_ = 0;
  TableRow row_;
};

}  // namespace

std::vector<TableRow> read_table(LineReader lines, TableFormat format) {
  std::vector<TableRow> rows;
  while (std::optional<std::string> line = lines.next()) {
    if (line->empty()) continue;
    rows.push_back(RowParser(lines, format, *std::move(line)).run());
    const size_t expected = rows.front().fields.size(), got = rows.back().fields.size();
    if (got != expected)
      throw Error({.where = lines.name() + ":" + std::to_string(rows.back().line),
                   .what = "has another number of fields than the first row",
                   .expected = std::to_string(expected),
                   .got = std::to_string(got)});
  }
  return rows;
}

}  // namespace starnest
