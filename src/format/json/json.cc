#include "format/json/json.h"

#include <set>
#include <vector>

#include "base/text.h"
#include "starnest/error.h"

namespace starnest {

void refuse_deep_nesting(std::string_view text, const std::string& where) {
  size_t depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (in_string) {
      if (text[i] == '\\') ++i;
      in_string = i >= text.size() || text[i] != '"';
      continue;
    }
    in_string = text[i] == '"';
    if (text[i] == '[' || text[i] == '{') ++depth;
    if ((text[i] == ']' || text[i] == '}') && depth > 0) --depth;
    if (depth > kMaxJsonDepth)
      throw Error({.where = where,
                   .what = "is nested too deeply at byte " + std::to_string(i),
                   .expected = "at most " + std::to_string(kMaxJsonDepth) + " brackets within one another"});
  }
}

Json parse_json(std::string_view text, const std::string& where) {
  refuse_deep_nesting(text, where);
  std::vector<std::set<std::string>> open_objects;
  const auto reject_repeated_keys = [&](int, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) open_objects.emplace_back();
    if (event == Json::parse_event_t::object_end) open_objects.pop_back();
    if (event == Json::parse_event_t::key && !open_objects.back().insert(value.get<std::string>()).second)
      throw Error(where, "key " + in_quotes(value.get<std::string>()) + " stands twice in one object");
    return true;
  };
  try {
    return Json::parse(text, reject_repeated_keys);
  } catch (const Json::parse_error& e) {
    throw Error({.where = where, .what = "is not valid JSON at byte " + std::to_string(e.byte), .hint = e.what()});
  } catch (const Json::exception& e) {  // a number beyond every type
    throw Error({.where = where, .what = "is not valid JSON", .hint = e.what()});
  }
}

}  // namespace starnest
