#include "train/router/size_text.h"

#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <vector>

#include "base/byte_count.h"
#include "base/text.h"
#include "starnest/error.h"

namespace starnest::train {
namespace {

constexpr const char* kLists = "Lists are written 0+1+3";

std::string plus_list(const std::vector<int>& numbers) {
  std::vector<std::string> parts;
  for (const int number : numbers) parts.push_back(std::to_string(number));
  return join(parts, "+");
}

using Unit = BudgetText::Unit;

struct Suffix {
  double factor;
  Unit unit;
};
std::optional<Suffix> suffix_named(const std::string& name) {
  static const std::map<std::string, double> kCounts{{"K", 1e3}, {"M", 1e6}, {"B", 1e9}};
  if (const auto count = kCounts.find(name); count != kCounts.end()) return Suffix{count->second, Unit::count};
  if (const std::optional<double> bytes = bytes_in_unit(name)) return Suffix{*bytes, Unit::bytes};
  return std::nullopt;
}

// "KEY=REST" -> both. `form`: what is expected.
std::pair<std::string, std::string> key_and_rest(const std::string& entry, const std::string& where,
                                                 const std::string& form, const std::string& hint = {}) {
  const size_t equals = entry.find('=');
  if (equals == std::string::npos)
    throw Error({.where = where, .what = "has no value", .expected = form, .got = in_quotes(entry), .hint = hint});
  return {entry.substr(0, equals), entry.substr(equals + 1)};
}

Axis axis_of(const std::string& key, const std::string& where, std::vector<std::string> known = {}) {
  if (const std::optional<Axis> axis = axis_with_key(key)) return *axis;
  for (const Axis dial : kDials) known.emplace_back(key_of(dial));
  throw Error({.where = where, .what = "there is no key " + in_quotes(key), .hint = suggest(key, known)});
}

std::vector<int> numbers_in(const std::string& list, char separator, const std::string& where,
                            const std::string& hint = {}) {
  std::vector<int> numbers;
  for (const std::string& part : split(list, separator)) {
    const std::optional<int> number = whole_number<int>(part);
    if (!number)
      throw Error({.where = where, .what = "is not a list of numbers", .got = in_quotes(part), .hint = hint});
    numbers.push_back(*number);
  }
  return numbers;
}

}  // namespace

std::string size_text(const ElasticSize& size) {
  std::vector<std::string> entries;
  for (const ElasticValue& value : size.values)
    entries.push_back(std::string(key_of(value.axis)) + "=" + plus_list(value.numbers));
  if (size.layers) entries.push_back("layers=" + plus_list(*size.layers));
  return join(entries, ",");
}

ElasticSize parse_size(const std::string& text) {
  const size_t colon = text.find(':');
  ElasticSize size{.name = text.substr(0, colon), .values = {}, .layers = {}};
  const std::string where = "--size " + text;
  if (size.name.empty()) throw Error(where, "a size needs a name");
  if (colon == std::string::npos) return size;
  for (const std::string& entry : split(text.substr(colon + 1), ',')) {
    const auto [key, rest] = key_and_rest(entry, where, "KEY=VALUE", kLists);
    std::vector<int> numbers = numbers_in(rest, '+', where, kLists);
    if (key == "layers") {
      size.layers = std::move(numbers);
      continue;
    }
    const bool per_block = numbers.size() > 1;
    size.values.push_back({axis_of(key, where, {"layers"}), std::move(numbers), per_block});
  }
  return size;
}

AxisChoices parse_choices(const std::string& text) {
  const std::string where = "--choice " + text;
  const auto [key, rest] = key_and_rest(text, where, "KEY=WIDTH,WIDTH,...");
  const Axis axis = axis_of(key, where);
  return {axis, numbers_in(rest, ',', where), {}};
}

BudgetText parse_budget(const std::string& text) {
  const std::string where = "--budget " + text;
  const size_t equals = text.find('=');
  BudgetText budget;
  const std::string amount = equals == std::string::npos ? text : text.substr(equals + 1);
  budget.name = equals == std::string::npos ? text : text.substr(0, equals);
  const auto [end, problem] = std::from_chars(amount.data(), amount.data() + amount.size(), budget.amount);
  const std::string suffix(end, amount.data() + amount.size());
  const std::optional<Suffix> found = suffix_named(suffix);
  if (problem != std::errc() || !std::isfinite(budget.amount) || budget.name.empty() || (!suffix.empty() && !found))
    throw Error({.where = where,
                 .what = "is no budget",
                 .expected = std::string("[NAME=]NUMBER with K, M, B (parameters) or ") + kByteUnits + " (bytes)",
                 .got = in_quotes(amount)});
  if (!suffix.empty()) {
    budget.amount *= found->factor;
    budget.unit = found->unit;
  } else if (budget.amount > 1) {
    budget.unit = Unit::count;
  }
  if (!(budget.amount > 0) || budget.amount == 1)
    throw Error({.where = where,
                 .what = "is out of range",
                 .expected = "a fraction between 0 and 1, or an amount",
                 .got = amount,
                 .hint = "The full size is always there and needs no budget"});
  return budget;
}

}  // namespace starnest::train
