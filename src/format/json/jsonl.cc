#include "format/json/jsonl.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/text.h"
#include "base/utf8.h"
#include "format/json/json.h"
#include "format/json/json_pieces.h"
#include "starnest/error.h"

namespace starnest {
namespace {

using nlohmann::ordered_json;

constexpr int kMaxDepth = 16;

template <class Items, class Render>
std::string json_array(const Items& items, Render render) {
  std::string text = "[";
  for (const auto& item : items) {
    if (text.size() > 1) text += ',';
    text += render(item);
  }
  return text + "]";
}

const char* name_of(const JsonValue& value) {
  constexpr std::array<const char*, 7> kNames{"null",   "true or false", "an integer", "a number",
                                              "a text", "an array",      "an object"};
  return kNames[value.value.index()];
}

JsonValue convert(const ordered_json& json);

JsonValue::Object convert_object(const ordered_json& json) {
  JsonValue::Object object;
  for (const auto& [key, item] : json.items()) object.push_back({key, convert(item)});
  return object;
}

JsonValue convert_number(const ordered_json& json) {
  const bool fits = json.is_number_unsigned() ? json.get<uint64_t>() <= uint64_t(std::numeric_limits<int64_t>::max())
                                              : json.is_number_integer();
  if (fits) return {json.get<int64_t>()};
  return {json.get<double>()};
}

// What with_float_objects() wrote; nothing for any other object.
std::optional<double> float_of(const ordered_json& json) {
  const auto word = json.size() == 1 ? json.find("__float__") : json.end();
  if (word == json.end()) return std::nullopt;
  if (*word == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (*word == "Infinity") return std::numeric_limits<double>::infinity();
  if (*word == "-Infinity") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

// Recursion is bounded by kMaxDepth, which the parser has enforced.
JsonValue convert(const ordered_json& json) {
  if (json.is_boolean()) return {json.get<bool>()};
  if (json.is_number()) return convert_number(json);
  if (json.is_string()) return {json.get<std::string>()};
  if (json.is_object()) {
    if (const std::optional<double> number = float_of(json)) return {*number};
    return {convert_object(json)};
  }
  if (json.is_null()) return {nullptr};
  JsonValue::Array array;
  for (const auto& item : json) array.push_back(convert(item));
  return {std::move(array)};
}

// Watches a parse for keys given twice (of which the library would keep the last) and for depth.
class Guard {
 public:
  explicit Guard(const std::string& where) : where_(where) {}

  bool operator()(int depth, ordered_json::parse_event_t event, const ordered_json& value) {
    using Event = ordered_json::parse_event_t;
    if (depth > kMaxDepth) throw Error(where_, "is nested more than " + std::to_string(kMaxDepth) + " levels deep");
    if (event == Event::object_start) keys_.emplace_back();
    if (event == Event::object_end) keys_.pop_back();
    if (event == Event::key) {
      const auto& key = value.get_ref<const std::string&>();
      if (std::find(keys_.back().begin(), keys_.back().end(), key) != keys_.back().end()) {
        throw Error(where_, "has the key " + in_quotes(key) + " twice");
      }
      keys_.back().push_back(key);
    }
    return true;
  }

 private:
  const std::string& where_;
  std::vector<std::vector<std::string>> keys_;
};

// Nothing when the text is not JSON.
std::optional<ordered_json> parse_text(std::string_view text, const std::string& where) {
  Guard guard(where);
  ordered_json json = ordered_json::parse(text, std::ref(guard), /*allow_exceptions=*/false);
  if (json.is_discarded()) return std::nullopt;
  return json;
}

std::optional<ordered_json> parse_piece(const JsonPiece& piece) {
  if (auto json = parse_text(piece.text, piece.where)) return json;
  return parse_text(with_whole_surrogates(with_float_objects(piece.text)), piece.where);
}

}  // namespace

std::string json_string(std::string_view text) {
  std::string valid;
  append_lossy(valid, text, /*is_end=*/true);
  return nlohmann::json(std::move(valid)).dump();
}

std::string JsonLine::number_text(double value) {
  if (!std::isfinite(value)) return "null";
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return {buffer.data(), end};
}

JsonLine& JsonLine::put(std::string_view key, std::string_view json) {
  const std::string name = json_string(key) + ":";
  if (!body_.empty()) body_ += ',';
  body_.append(name).append(json);
  return *this;
}

JsonLine& JsonLine::set(std::string_view key, std::string_view text) { return put(key, json_string(text)); }
JsonLine& JsonLine::set(std::string_view key, std::span<const double> numbers) {
  return put(key, json_array(numbers, number_text));
}
JsonLine& JsonLine::set(std::string_view key, std::span<const std::string> texts) {
  return put(key, json_array(texts, json_string));
}
JsonLine& JsonLine::set(std::string_view key, std::span<const JsonLine> objects) {
  return put(key, json_array(objects, [](const JsonLine& object) { return object.text(); }));
}

JsonRecord::JsonRecord(JsonValue::Object fields, std::string where)
    : fields_(std::move(fields)), where_(std::move(where)) {}

std::vector<std::string> JsonRecord::keys() const {
  std::vector<std::string> names;
  for (const JsonField& field : fields_) names.push_back(field.key);
  return names;
}

const JsonValue* JsonRecord::find(std::string_view key) const {
  const auto found =
      std::find_if(fields_.begin(), fields_.end(), [&](const JsonField& field) { return field.key == key; });
  return found == fields_.end() ? nullptr : &found->value;
}

const JsonValue& JsonRecord::at(std::string_view key) const {
  const JsonValue* value = find(key);
  if (!value) throw Error({.where = where_, .what = "has no key " + in_quotes(key), .hint = suggest(key, keys())});
  return *value;
}

void JsonRecord::wrong(std::string_view key, const char* expected, const JsonValue& got) const {
  throw Error(
      {.where = where_, .what = in_quotes(key) + " has the wrong type", .expected = expected, .got = name_of(got)});
}

template <class T>
const T& JsonRecord::get(const JsonValue& value, std::string_view key, const char* expected) const {
  const T* typed = std::get_if<T>(&value.value);
  if (!typed) wrong(key, expected, value);
  return *typed;
}

namespace {

std::optional<double> as_number(const JsonValue& value) {
  if (const auto* real = std::get_if<double>(&value.value)) return *real;
  if (const auto* integer = std::get_if<int64_t>(&value.value)) return double(*integer);
  if (std::holds_alternative<std::nullptr_t>(value.value)) return std::numeric_limits<double>::quiet_NaN();
  return std::nullopt;
}

}  // namespace

double JsonRecord::number(std::string_view key) const {
  const auto number = as_number(at(key));
  if (!number) wrong(key, "a number", at(key));
  return *number;
}

int64_t JsonRecord::integer(std::string_view key) const { return get<int64_t>(at(key), key, "an integer"); }
const std::string& JsonRecord::text(std::string_view key) const { return get<std::string>(at(key), key, "a text"); }
bool JsonRecord::flag(std::string_view key) const { return get<bool>(at(key), key, "true or false"); }
JsonRecord JsonRecord::object(std::string_view key) const {
  return {get<JsonValue::Object>(at(key), key, "an object"), where_ + ": " + in_quotes(key)};
}

const std::vector<JsonValue>& JsonRecord::array(std::string_view key) const {
  return get<JsonValue::Array>(at(key), key, "an array");
}

std::vector<double> JsonRecord::numbers(std::string_view key) const {
  std::vector<double> numbers;
  for (const JsonValue& item : array(key)) {
    const auto number = as_number(item);
    if (!number) wrong(key, "an array of numbers", item);
    numbers.push_back(*number);
  }
  return numbers;
}

std::vector<std::string> JsonRecord::texts(std::string_view key) const {
  std::vector<std::string> texts;
  for (const JsonValue& item : array(key)) texts.push_back(get<std::string>(item, key, "an array of texts"));
  return texts;
}

std::vector<JsonRecord> JsonRecord::objects(std::string_view key) const {
  std::vector<JsonRecord> objects;
  for (const JsonValue& item : array(key)) {
    objects.push_back({get<JsonValue::Object>(item, key, "an array of objects"), where_ + ": " + in_quotes(key)});
  }
  return objects;
}

std::optional<double> JsonRecord::find_number(std::string_view key) const {
  return has(key) ? std::optional(number(key)) : std::nullopt;
}
std::optional<int64_t> JsonRecord::find_integer(std::string_view key) const {
  return has(key) ? std::optional(integer(key)) : std::nullopt;
}
std::optional<std::string> JsonRecord::find_text(std::string_view key) const {
  return has(key) ? std::optional(text(key)) : std::nullopt;
}
std::optional<bool> JsonRecord::find_flag(std::string_view key) const {
  return has(key) ? std::optional(flag(key)) : std::nullopt;
}
std::optional<JsonRecord> JsonRecord::find_object(std::string_view key) const {
  return has(key) ? std::optional(object(key)) : std::nullopt;
}

bool is_json_lines_name(const std::filesystem::path& file) {
  const std::string extension = lower_case(file.extension().string());
  return extension == ".json" || extension == ".jsonl" || extension == ".ndjson";
}

JsonlReader::JsonlReader(const std::filesystem::path& path) : JsonlReader(LineReader(path)) {}
JsonlReader::JsonlReader(LineReader lines) : pieces_(std::make_unique<JsonPieces>(std::move(lines))) {}
JsonlReader::~JsonlReader() = default;

std::optional<JsonRecord> JsonlReader::next() {
  const std::optional<JsonPiece> piece = pieces_->next();
  if (!piece) return std::nullopt;
  const auto json = parse_piece(*piece);
  if (!json && !piece->ended) {
    cut_off_ = true;
    return std::nullopt;
  }
  if (const size_t valid = valid_utf8_prefix(piece->text); !json && valid != piece->text.size())
    throw Error(piece->where, "is not UTF-8 from byte " + std::to_string(valid) + " on");
  if (!json || !json->is_object()) throw Error({.where = piece->where, .what = "is not a JSON object"});
  return JsonRecord(convert_object(*json), piece->where);
}

std::vector<JsonRecord> read_jsonl(const std::filesystem::path& path) {
  JsonlReader reader(path);
  std::vector<JsonRecord> records;
  while (auto record = reader.next()) records.push_back(std::move(*record));
  return records;
}

}  // namespace starnest
