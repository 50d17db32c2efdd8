#include "format/json/elastic_json.h"

#include <algorithm>
#include <limits>

#include "base/file.h"
#include "base/text.h"
#include "format/json/json.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr uint64_t kMaxBytes = uint64_t{16} << 20;
constexpr int kVersion = 1;

std::vector<std::string> size_keys() {
  std::vector<std::string> keys{"name", "layers"};
  for (const Axis axis : kDials) keys.emplace_back(key_of(axis));
  return keys;
}

void reject_unknown_keys(const Json& object, const std::vector<std::string>& known, const std::string& where) {
  for (const auto& [key, value] : object.items())
    if (std::find(known.begin(), known.end(), key) == known.end())
      throw Error({.where = where, .what = "unknown key " + in_quotes(key), .hint = suggest(key, known)});
}

int whole_number(const Json& value, const std::string& where) {
  if (!value.is_number_integer() || value < 0 || value > std::numeric_limits<int>::max())
    throw Error(
        {.where = where, .what = "is not a count", .expected = "a whole number of at least 0", .got = value.dump()});
  return value.get<int>();
}

std::vector<int> whole_numbers(const Json& value, const std::string& where) {
  std::vector<int> numbers;
  for (size_t i = 0; i < value.size(); ++i)
    numbers.push_back(whole_number(value[i], where + "[" + std::to_string(i) + "]"));
  return numbers;
}

std::string text_of(const Json& object, const char* key, const std::string& where) {
  const auto it = object.find(key);
  if (it == object.end()) throw Error(where, "key " + in_quotes(key) + " is missing");
  if (!it->is_string() || it->get<std::string>().empty())
    throw Error({.where = where,
                 .what = "key " + in_quotes(key) + " has the wrong type",
                 .expected = "a name",
                 .got = it->dump()});
  return it->get<std::string>();
}

ElasticSize read_size(const Json& object, const std::string& where) {
  if (!object.is_object())
    throw Error({.where = where, .what = "is not a size", .expected = "an object", .got = object.dump()});
  reject_unknown_keys(object, size_keys(), where);
  ElasticSize size;
  size.name = text_of(object, "name", where);
  const std::string here = where + " (" + in_quotes(size.name) + ")";
  for (const auto& [key, value] : object.items()) {
    const std::string at = here + ": key " + in_quotes(key);
    if (key == "layers") {
      if (!value.is_array())
        throw Error({.where = at,
                     .what = "is not a list",
                     .expected = "the ascending 0-based indices of the blocks that stay",
                     .got = value.dump(),
                     .hint = "A count or a mask is not accepted"});
      size.layers = whole_numbers(value, at);
    } else if (const auto axis = axis_with_key(key)) {
      const bool list = value.is_array();
      if (list && axis == Axis::hidden)
        throw Error({.where = at,
                     .what = "is a list",
                     .expected = "one number: the residual has one width",
                     .got = value.dump()});
      size.values.push_back({*axis, list ? whole_numbers(value, at) : std::vector{whole_number(value, at)}, list});
    }
  }
  return size;
}

void check_header(const Json& root, const std::string& where) {
  if (!root.is_object()) throw Error(where, "is not a JSON object");
  reject_unknown_keys(root, {"format", "version", "sizes", "mamba_head_order", "default_plan", "provenance"}, where);
  if (root.value("format", Json()) != "starnest-elastic")
    throw Error({.where = where,
                 .what = "key 'format' is wrong",
                 .expected = "\"starnest-elastic\"",
                 .got = root.value("format", Json()).dump()});
  if (root.value("version", Json()) != kVersion)
    throw Error({.where = where,
                 .what = "key 'version' is not supported",
                 .expected = std::to_string(kVersion),
                 .got = root.value("version", Json()).dump(),
                 .hint = "Update starnest, or write the file for version 1"});
  if (root.contains("mamba_head_order") && root["mamba_head_order"] != "per_group")
    throw Error({.where = where,
                 .what = "key 'mamba_head_order' is not supported",
                 .expected = "\"per_group\"",
                 .got = root["mamba_head_order"].dump()});
  if (!root.contains("sizes") || !root["sizes"].is_array() || root["sizes"].empty())
    throw Error({.where = where, .what = "key 'sizes' is missing or empty", .expected = "a list of sizes"});
}

}  // namespace

ElasticFile read_elastic(const std::filesystem::path& file) {
  return parse_elastic(read_text(file, kMaxBytes), file.string());
}

ElasticFile parse_elastic(std::string_view text, const std::string& where) {
  const Json root = parse_json(text, where);
  check_header(root, where);
  ElasticFile file;
  file.where = where;
  for (size_t i = 0; i < root["sizes"].size(); ++i)
    file.sizes.push_back(read_size(root["sizes"][i], where + ": sizes[" + std::to_string(i) + "]"));
  if (root.contains("default_plan")) {
    const Json& plan = root["default_plan"];
    const std::string at = where + ": default_plan";
    if (!plan.is_object()) throw Error(at, "is not an object with 'think' and 'answer'");
    reject_unknown_keys(plan, {"think", "answer"}, at);
    file.default_plan = ElasticPlan{text_of(plan, "think", at), text_of(plan, "answer", at)};
  }
  if (root.contains("provenance")) {
    if (!root["provenance"].is_object()) throw Error(where, "key 'provenance' is not an object");
    for (const auto& [key, value] : root["provenance"].items()) file.provenance.emplace_back(key, value.dump());
  }
  return file;
}

std::string write_elastic(const ElasticFile& file) {
  Json root{{"format", "starnest-elastic"}, {"version", kVersion}, {"sizes", Json::array()}};
  for (const ElasticSize& size : file.sizes) {
    Json object{{"name", size.name}};
    for (const ElasticValue& value : size.values)
      object[std::string(key_of(value.axis))] = value.per_block ? Json(value.numbers) : Json(value.numbers.at(0));
    if (size.layers) object["layers"] = *size.layers;
    root["sizes"].push_back(std::move(object));
  }
  root["mamba_head_order"] = "per_group";
  if (file.default_plan)
    root["default_plan"] = {{"think", file.default_plan->think}, {"answer", file.default_plan->answer}};
  if (!file.provenance.empty()) {
    root["provenance"] = Json::object();
    for (const auto& [key, value] : file.provenance) root["provenance"][key] = Json::parse(value);
  }
  return root.dump(2) + "\n";
}

}  // namespace starnest
