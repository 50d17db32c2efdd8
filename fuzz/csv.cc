#include "format/text/csv.h"

#include "base/check.h"
#include "target.h"

namespace starnest::fuzz {
namespace {

std::vector<std::vector<std::string>> fields_of(std::string text, TableFormat format) {
  std::vector<std::vector<std::string>> fields;
  for (TableRow& row : read_table(LineReader::of_text(std::move(text), "fuzz"), format))
    fields.push_back(std::move(row.fields));
  return fields;
}

}  // namespace

void csv(std::string_view bytes) {
  const std::vector<std::vector<std::string>> rows = fields_of(std::string(bytes), kCsv);
  std::string again;  // every field in quotation marks
  for (const auto& row : rows) {
    SN_CHECK(!row.empty(), "a row has no field");
    for (size_t i = 0; i < row.size(); ++i) {
      again += i ? ",\"" : "\"";
      for (const char c : row[i]) again.append(c == '"' ? 2 : 1, c);
      again += '"';
    }
    again += '\n';
  }
  const bool comparable = again.find("\r\n") == std::string::npos;  // which would be read as "\n"
  SN_CHECK(!comparable || fields_of(again, kCsv) == rows, "what was written reads differently");
  fields_of(std::string(bytes), kTsv);
}

}  // namespace starnest::fuzz
