#include "format/text/csv.h"

#include "base/check.h"
#include "target.h"

namespace starnest::fuzz {

void csv(std::string_view bytes) {
  const std::vector<std::vector<std::string>> records = parse_csv(bytes, "fuzz");
  std::string again;  // every field in quotation marks
  for (const auto& record : records) {
    SN_CHECK(!record.empty(), "a record has no field");
    for (size_t i = 0; i < record.size(); ++i) {
      again += i ? ",\"" : "\"";
      for (const char c : record[i]) again.append(c == '"' ? 2 : 1, c);
      again += '"';
    }
    again += '\n';
  }
  SN_CHECK(parse_csv(again, "fuzz") == records, "what was written reads differently");
}

}  // namespace starnest::fuzz
