#include "format/json/hf_config.h"

#include <cmath>
#include <limits>

#include "base/file.h"
#include "base/text.h"
#include "format/json/json.h"
#include "starnest/error.h"

namespace starnest {

struct HfConfig::Data {
  Json json;
  std::string text;  // as it was written, but for the values that were set
};

namespace {

const Json* find(const Json& json, KeyNames names) {
  for (const std::string_view name : names) {
    const auto it = json.find(name);
    if (it != json.end() && !it->is_null()) return &*it;
  }
  return nullptr;
}

std::string key_text(KeyNames names) { return "key " + in_quotes(*names.begin()); }

[[noreturn]] void wrong_type(const std::string& where, KeyNames names, const char* expected, const Json& got) {
  throw Error(
      {.where = where, .what = key_text(names) + " has the wrong type", .expected = expected, .got = got.dump()});
}

int as_int(const std::string& where, KeyNames names, const Json& value) {
  if (!value.is_number_integer()) wrong_type(where, names, "a whole number", value);
  const int64_t number = value.is_number_unsigned() && value.get<uint64_t>() > uint64_t(std::numeric_limits<int>::max())
                             ? std::numeric_limits<int64_t>::max()
                             : value.get<int64_t>();
  if (number > std::numeric_limits<int>::max() || number < std::numeric_limits<int>::min())
    throw Error({.where = where,
                 .what = key_text(names) + " is out of range",
                 .expected = "a 32-bit number",
                 .got = value.dump()});
  return int(number);
}

double as_number(const std::string& where, KeyNames names, const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (value.is_object() && value.contains("__float__")) {
    const Json& word = value["__float__"];
    if (word == "Infinity") return std::numeric_limits<double>::infinity();
    if (word == "-Infinity") return -std::numeric_limits<double>::infinity();
    if (word == "NaN") return std::numeric_limits<double>::quiet_NaN();
  }
  wrong_type(where, names, "a number", value);
}

const Json& required(const Json& json, KeyNames names, const std::string& where) {
  const Json* value = find(json, names);
  if (value) return *value;
  std::vector<std::string> others(names.begin() + 1, names.end());
  throw Error({.where = where,
               .what = key_text(names) + " is missing",
               .hint = others.empty() ? "Add it to the config" : "It may also be written as " + join(others, ", ")});
}

// A value of the outermost object in the text of a config.
struct TextValue {
  std::string key;
  size_t begin = 0, end = 0;
};

size_t end_of_string(std::string_view text, size_t quote) {
  size_t at = quote + 1;
  while (text[at] != '"') at += text[at] == '\\' ? 2 : 1;
  return at + 1;
}

// `text` is valid JSON but for bare Infinity and NaN.
std::vector<TextValue> values_in(std::string_view text) {
  std::vector<TextValue> values;
  for (size_t at = text.find('{') + 1; (at = text.find_first_not_of(" \t\r\n,", at)) != text.npos && text[at] != '}';) {
    TextValue value;
    const size_t key_end = end_of_string(text, at);
    value.key = Json::parse(text.substr(at, key_end - at)).get<std::string>();
    at = value.begin = text.find_first_not_of(kJsonSpace, text.find(':', key_end) + 1);
    for (size_t depth = 0; depth > 0 || (text[at] != ',' && text[at] != '}');) {
      if (text[at] == '"') {
        at = end_of_string(text, at);
        continue;
      }
      depth += text[at] == '{' || text[at] == '[';
      depth -= text[at] == '}' || text[at] == ']';
      ++at;
    }
    value.end = text.find_last_not_of(kJsonSpace, at - 1) + 1;
    values.push_back(std::move(value));
  }
  return values;
}

// Replaces or adds one value and leaves every other byte as it is.
void set_in_text(std::string& text, std::string_view key, const Json& value) {
  const size_t open = text.find('{');
  const std::string before = text.substr(open + 1, text.find_first_not_of(kJsonSpace, open + 1) - open - 1);
  const size_t line = before.rfind('\n');
  std::string written;
  if (line == before.npos) {
    written = value.dump();
  } else {  // one key a line: lists and objects go on with its indent
    const std::string indent = before.substr(line + 1);
    for (const char c : value.dump(indent.empty() ? 2 : int(indent.size()), indent.empty() ? ' ' : indent[0]))
      written += c == '\n' ? "\n" + indent : std::string(1, c);
  }
  const std::vector<TextValue> values = values_in(text);
  for (const TextValue& old : values)
    if (old.key == key) {
      text.replace(old.begin, old.end - old.begin, written);
      return;
    }
  const std::string entry = Json(std::string(key)).dump() + ": " + written;
  if (values.empty())
    text.insert(open + 1, entry);
  else
    text.insert(values.back().end, "," + (before.empty() ? " " : before) + entry);
}

// The word of a tagged float that begins at text[at], and where the object ends; nothing for any other object.
struct TaggedFloat {
  std::string word;
  size_t end = 0;
};
std::optional<TaggedFloat> tagged_float(std::string_view text, size_t at) {
  const size_t end = text.find('}', at);
  if (end == text.npos) return std::nullopt;
  const Json object = Json::parse(text.substr(at, end + 1 - at), nullptr, /*allow_exceptions=*/false);
  if (!object.is_object() || object.size() != 1 || !object.contains("__float__")) return std::nullopt;
  for (const char* word : {"Infinity", "-Infinity", "NaN"})
    if (object["__float__"] == word) return TaggedFloat{word, end + 1};
  return std::nullopt;
}

template <class Value>
void set_each(Json& json, std::string& text, KeyNames names, const Value& value) {
  const auto set = [&](std::string_view name) {
    json[std::string(name)] = value;
    set_in_text(text, name, value);
  };
  bool present = false;
  for (const std::string_view name : names) {
    if (!json.contains(name)) continue;
    set(name);
    present = true;
  }
  if (!present) set(*names.begin());
}

}  // namespace

HfConfig::HfConfig(std::unique_ptr<Data> data, std::string where) : data_(std::move(data)), where_(std::move(where)) {}
HfConfig::HfConfig(const HfConfig& other) : data_(std::make_unique<Data>(*other.data_)), where_(other.where_) {}
HfConfig::HfConfig(HfConfig&&) noexcept = default;
HfConfig::~HfConfig() = default;

HfConfig HfConfig::read(const std::filesystem::path& file) {
  return parse(read_text(file, kMaxConfigBytes), file.string());
}

HfConfig HfConfig::parse(std::string_view text, std::string where) {
  auto data = std::make_unique<Data>();
  data->json = parse_json(with_float_objects(text), where);
  data->text = text;
  if (!data->json.is_object()) throw Error(where, "is not a JSON object");
  return HfConfig(std::move(data), std::move(where));
}

bool HfConfig::has(KeyNames names) const { return find(data_->json, names) != nullptr; }

bool HfConfig::says_more_than(KeyNames names, double number) const {
  const Json* value = find(data_->json, names);
  if (!value || *value == false) return false;
  if (value->is_string()) return !value->get_ref<const std::string&>().empty();
  if (value->is_structured()) return !value->empty();
  return !value->is_number() || value->get<double>() != number;
}

int HfConfig::at_least(KeyNames names, int number, int low) const {
  if (number >= low) return number;
  throw Error({.where = where_,
               .what = key_text(names) + " is too small",
               .expected = "at least " + std::to_string(low),
               .got = std::to_string(number)});
}

int HfConfig::require_int(KeyNames names, int low) const {
  return at_least(names, as_int(where_, names, required(data_->json, names, where_)), low);
}

int HfConfig::require_block_int(KeyNames names, size_t block, size_t blocks, int low) const {
  const Json& value = required(data_->json, names, where_);
  if (!value.is_array()) return require_int(names, low);
  if (value.size() != blocks)
    throw Error({.where = where_,
                 .what = key_text(names) + " has the wrong number of entries",
                 .expected = std::to_string(blocks) + ", one per block",
                 .got = std::to_string(value.size())});
  return at_least(names, as_int(where_, names, value[block]), low);
}

double HfConfig::require_number(KeyNames names) const {
  return as_number(where_, names, required(data_->json, names, where_));
}

bool HfConfig::require_bool(KeyNames names) const {
  const Json& value = required(data_->json, names, where_);
  if (!value.is_boolean()) wrong_type(where_, names, "true or false", value);
  return value.get<bool>();
}

std::string HfConfig::require_string(KeyNames names) const {
  const Json& value = required(data_->json, names, where_);
  if (!value.is_string()) wrong_type(where_, names, "a string", value);
  return value.get<std::string>();
}

std::optional<int> HfConfig::find_int(KeyNames names) const {
  if (!has(names)) return std::nullopt;
  return as_int(where_, names, *find(data_->json, names));
}

std::optional<double> HfConfig::find_number(KeyNames names) const {
  if (!has(names)) return std::nullopt;
  return require_number(names);
}

std::optional<bool> HfConfig::find_bool(KeyNames names) const {
  if (!has(names)) return std::nullopt;
  return require_bool(names);
}

std::optional<std::string> HfConfig::find_string(KeyNames names) const {
  if (!has(names)) return std::nullopt;
  return require_string(names);
}

std::optional<std::vector<std::string>> HfConfig::find_strings(KeyNames names) const {
  const Json* value = find(data_->json, names);
  if (!value) return std::nullopt;
  if (!value->is_array()) wrong_type(where_, names, "a list of strings", *value);
  std::vector<std::string> strings;
  for (const Json& item : *value) {
    if (!item.is_string()) wrong_type(where_, names, "a list of strings", *value);
    strings.push_back(item.get<std::string>());
  }
  return strings;
}

std::optional<std::vector<double>> HfConfig::find_numbers(KeyNames names) const {
  const Json* value = find(data_->json, names);
  if (!value) return std::nullopt;
  if (!value->is_array()) wrong_type(where_, names, "a list of numbers", *value);
  std::vector<double> numbers;
  for (const Json& item : *value) numbers.push_back(as_number(where_, names, item));
  return numbers;
}

std::vector<int> HfConfig::find_ints(KeyNames names) const {
  const Json* value = find(data_->json, names);
  if (!value) return {};
  if (!value->is_array()) return {as_int(where_, names, *value)};
  std::vector<int> numbers;
  for (const Json& item : *value) numbers.push_back(as_int(where_, names, item));
  return numbers;
}

std::vector<std::vector<int>> HfConfig::find_int_lists(KeyNames names) const {
  const Json* value = find(data_->json, names);
  if (!value) return {};
  if (!value->is_array()) wrong_type(where_, names, "a list of lists of numbers", *value);
  if (value->empty() || !value->front().is_array()) return {find_ints(names)};
  std::vector<std::vector<int>> lists;
  for (const Json& item : *value) {
    if (!item.is_array()) wrong_type(where_, names, "a list of lists of numbers", *value);
    std::vector<int>& numbers = lists.emplace_back();
    for (const Json& number : item) numbers.push_back(as_int(where_, names, number));
  }
  return lists;
}

std::optional<std::string> HfConfig::find_object(KeyNames names) const {
  const Json* value = find(data_->json, names);
  if (!value) return std::nullopt;
  if (!value->is_object()) wrong_type(where_, names, "an object", *value);
  return value->dump();
}

void HfConfig::set(KeyNames names, int value) { set_each(data_->json, data_->text, names, value); }
void HfConfig::set(KeyNames names, const std::vector<int>& value) { set_each(data_->json, data_->text, names, value); }
void HfConfig::set(KeyNames names, const std::string& value) { set_each(data_->json, data_->text, names, value); }
void HfConfig::set(KeyNames names, const std::vector<std::string>& value) {
  set_each(data_->json, data_->text, names, value);
}
void HfConfig::set_object(KeyNames names, std::string_view json) {
  set_each(data_->json, data_->text, names, Json::parse(json));
}

void HfConfig::use_bare_floats() {
  const std::string& text = data_->text;
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const auto tagged = text[at] == '{' ? tagged_float(text, at) : std::nullopt;
    const size_t end = tagged ? tagged->end : text[at] == '"' ? end_of_string(text, at) : at + 1;
    out += tagged ? tagged->word : text.substr(at, end - at);
    at = end;
  }
  data_->text = std::move(out);
}

const std::string& HfConfig::text() const { return data_->text; }

std::string indented_json(std::string_view json) { return Json::parse(json).dump(2) + "\n"; }

}  // namespace starnest
