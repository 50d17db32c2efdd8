#include "format/text/chat_template.h"

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "base/lines.h"
#include "base/source_file.h"
#include "base/text.h"
#include "format/json/json.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr const char* kKey = "chat_template";

std::string as_jinja_reads(LineReader lines) {
  std::string text = read_lines(std::move(lines));
  std::replace(text.begin(), text.end(), '\r', '\n');  // alone, e.g. where the last line has no other end
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

std::string text_at(const Json& value, const std::string& where) {
  if (value.is_string()) return value.get<std::string>();
  throw Error({.where = where,
               .what = "key " + in_quotes(kKey) + " has the wrong type",
               .expected = "a text, or a list of objects with name and template",
               .got = value.type_name()});
}

// Null counts as absent.
std::string of_tokenizer_config(const Json& config, const std::string& where) {
  const auto found = config.is_object() ? config.find(kKey) : config.end();
  if (found == config.end() || found->is_null()) return {};
  if (!found->is_array()) return text_at(*found, where);
  std::string first;
  for (const Json& named : *found) {
    const bool is_named = named.is_object() && named.contains("name") && named.contains("template");
    const std::string text = text_at(is_named ? named["template"] : Json(), where);
    if (named["name"] == "default") return text;
    if (first.empty()) first = text;
  }
  return first;
}

}  // namespace

std::string read_chat_template(const std::filesystem::path& folder) {
  const std::filesystem::path own = folder / "chat_template.jinja", config = folder / "tokenizer_config.json";
  if (is_there(own)) return as_jinja_reads(LineReader(own));
  if (!is_there(config)) return {};
  const std::string where = config.string();
  return as_jinja_reads(LineReader::of_text(of_tokenizer_config(parse_json(read_text(config), where), where), where));
}

}  // namespace starnest
