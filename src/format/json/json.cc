#include "format/json/json.h"

#include <charconv>
#include <optional>
#include <set>
#include <vector>

#include "base/text.h"
#include "starnest/error.h"

namespace starnest {
namespace {

// Copies JSON, with what `replacement` gives in place of what begins at a position: nothing where it stays, else the
// new text and the length of the old one. `in_string`: whether the position lies in a string.
struct Replacement {
  std::string text;
  size_t length;
};
template <class Replace>
std::string replaced(std::string_view text, Replace&& replacement) {
  std::string out;
  bool in_string = false;
  for (size_t i = 0; i < text.size();) {
    if (const std::optional<Replacement> found = replacement(text.substr(i), in_string)) {
      out += found->text;
      i += found->length;
      continue;
    }
    const size_t length = in_string && text[i] == '\\' ? 2 : 1;
    if (length == 1 && text[i] == '"') in_string = !in_string;
    out += text.substr(i, length);
    i += length;
  }
  return out;
}

// The unit that an escape at the front of `text` stands for; nothing for anything else.
std::optional<unsigned> escaped_unit(std::string_view text) {
  if (!text.starts_with("\\u") || text.size() < 6) return std::nullopt;
  unsigned unit = 0;
  const auto [end, problem] = std::from_chars(text.data() + 2, text.data() + 6, unit, 16);
  return problem == std::errc() && end == text.data() + 6 ? std::optional(unit) : std::nullopt;
}

}  // namespace

std::string with_float_objects(std::string_view text) {
  return replaced(text, [](std::string_view rest, bool in_string) -> std::optional<Replacement> {
    if (in_string) return std::nullopt;
    for (const std::string_view word : {"-Infinity", "Infinity", "NaN"})
      if (rest.starts_with(word)) return Replacement{"{\"__float__\": \"" + std::string(word) + "\"}", word.size()};
    return std::nullopt;
  });
}

std::string with_whole_surrogates(std::string_view text) {
  constexpr size_t kEscape = 6;  // "\uXXXX"
  return replaced(text, [](std::string_view rest, bool in_string) -> std::optional<Replacement> {
    const std::optional<unsigned> unit = in_string ? escaped_unit(rest) : std::nullopt;
    if (!unit || *unit < 0xd800 || *unit > 0xdfff) return std::nullopt;
    const std::optional<unsigned> next = escaped_unit(rest.substr(kEscape));
    const bool pair = *unit < 0xdc00 && next && *next >= 0xdc00 && *next <= 0xdfff;
    if (pair) return Replacement{std::string(rest.substr(0, 2 * kEscape)), 2 * kEscape};
    return Replacement{"\\ufffd", kEscape};
  });
}

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
