#include "train/run/size_text.h"

#include <optional>
#include <vector>

#include "base/text.h"
#include "starnest/error.h"

namespace starnest::train {
namespace {

constexpr const char* kLists = "Lists are written 0+1+3";

std::string list_text(const std::vector<int>& numbers) {
  std::vector<std::string> parts;
  for (const int number : numbers) parts.push_back(std::to_string(number));
  return join(parts, "+");
}

}  // namespace

std::string size_text(const ElasticSize& size) {
  std::vector<std::string> entries;
  for (const ElasticValue& value : size.values)
    entries.push_back(std::string(key_of(value.axis)) + "=" + list_text(value.numbers));
  if (size.layers) entries.push_back("layers=" + list_text(*size.layers));
  return join(entries, ",");
}

ElasticSize parse_size(const std::string& text) {
  const size_t colon = text.find(':');
  ElasticSize size{.name = text.substr(0, colon), .values = {}, .layers = {}};
  const std::string where = "--size " + text;
  if (size.name.empty()) throw Error(where, "a size needs a name");
  if (colon == std::string::npos) return size;
  for (const std::string& entry : split(text.substr(colon + 1), ',')) {
    const size_t equals = entry.find('=');
    if (equals == std::string::npos)
      throw Error({.where = where,
                   .what = "an entry has no value",
                   .expected = "KEY=VALUE",
                   .got = in_quotes(entry),
                   .hint = kLists});
    const std::string key = entry.substr(0, equals);
    std::vector<int> numbers;
    for (const std::string& part : split(entry.substr(equals + 1), '+')) {
      const std::optional<int> number = whole_number<int>(part);
      if (!number) throw Error({.where = where, .what = "is not a number", .got = in_quotes(part), .hint = kLists});
      numbers.push_back(*number);
    }
    if (key == "layers") {
      size.layers = numbers;
      continue;
    }
    const std::optional<Axis> axis = axis_with_key(key);
    std::vector<std::string> known{"layers"};
    for (const Axis dial : kDials) known.emplace_back(key_of(dial));
    if (!axis) throw Error({.where = where, .what = "there is no key " + in_quotes(key), .hint = suggest(key, known)});
    const bool per_block = numbers.size() > 1;
    size.values.push_back({*axis, std::move(numbers), per_block});
  }
  return size;
}

}  // namespace starnest::train
