#include "train/router/choices.h"

#include <algorithm>
#include <optional>
#include <set>

#include "arch/family_spec.h"
#include "base/text.h"
#include "starnest/error.h"
#include "train/router/size_text.h"

namespace starnest::train {
namespace {

std::string list_text(const std::vector<int>& numbers) {
  std::vector<std::string> texts;
  for (const int number : numbers) texts.push_back(std::to_string(number));
  return join(texts, ",");
}

void check_axis(const AxisChoices& choices, const ModelSpec& spec) {
  const std::string where = "--choice " + std::string(key_of(choices.axis));
  const std::optional<int> full =
      choices.axis == Axis::hidden ? std::optional(spec.hidden) : full_widths(spec).uniform(choices.axis);
  if (!full)
    throw Error({.where = where,
                 .what = "the model does not have this axis with one width in all its blocks",
                 .hint = "Choices apply to every block alike"});
  const std::vector<int>& widths = choices.widths;
  if (widths.empty() || widths.front() != *full)
    throw Error({.where = where,
                 .what = "does not begin with the full width",
                 .expected = std::to_string(*full),
                 .got = widths.empty() ? "nothing" : std::to_string(widths.front())});
  for (size_t i = 1; i < widths.size(); ++i) {
    if (widths[i] >= widths[i - 1])
      throw Error({.where = where, .what = "is not descending", .got = list_text(widths)});
    // A size that takes this choice alone must be one that elastic.json may describe.
    ElasticFile file{.where = where, .sizes = {}, .default_plan = {}, .provenance = {}};
    file.sizes.push_back({.name = "full", .values = {}, .layers = {}});
    file.sizes.push_back({.name = "cut", .values = {{choices.axis, {widths[i]}, false}}, .layers = {}});
    sizes_of(spec, file);
  }
}

}  // namespace

std::string label_of(const AxisChoices& choices) {
  const std::string key(key_of(choices.axis));
  return choices.block ? key + " of block " + std::to_string(*choices.block) : key;
}

void check(const Choices& choices, const ModelSpec& spec) {
  std::set<std::string> seen;
  for (const AxisChoices& axis : choices.axes) {
    check_axis(axis, spec);
    if (!seen.insert(label_of(axis)).second) throw Error("--choice " + label_of(axis), "stands twice");
  }
  const std::vector<int>& dropped = choices.dropped;
  const bool ascending = std::is_sorted(dropped.begin(), dropped.end()) &&
                         std::adjacent_find(dropped.begin(), dropped.end()) == dropped.end();
  if (dropped.empty() || dropped.front() != 0 || !ascending)
    throw Error({.where = "--drop",
                 .what = "is not a list that ascends from 0",
                 .expected = "e.g. 0,1,2",
                 .got = list_text(dropped)});
  std::set<int> blocks(choices.drop_order.begin(), choices.drop_order.end());
  const int count = int(spec.blocks.size());
  if (blocks.size() != choices.drop_order.size() ||
      (!blocks.empty() && (*blocks.begin() < 0 || *blocks.rbegin() >= count)))
    throw Error({.where = "the order of blocks to drop",
                 .what = "names a block twice or one that is not there",
                 .expected = "blocks 0 to " + std::to_string(count - 1),
                 .got = list_text(choices.drop_order)});
  if (size_t(dropped.back()) > choices.drop_order.size() || dropped.back() >= count)
    throw Error(
        {.where = "--drop",
         .what = "drops more blocks than are ranked",
         .expected = "at most " + std::to_string(std::min<size_t>(choices.drop_order.size(), size_t(count - 1))),
         .got = std::to_string(dropped.back())});
}

Choices make_choices(const ChoiceTexts& texts, const ModelSpec& spec) {
  Choices choices{.axes = {}, .dropped = texts.dropped, .drop_order = texts.drop_order};
  for (const std::string& text : texts.axes) choices.axes.push_back(parse_choices(text));
  check(choices, spec);
  for (const std::string& key : texts.per_block) {
    const auto common = std::find_if(choices.axes.begin(), choices.axes.end(),
                                     [&](const AxisChoices& list) { return key_of(list.axis) == key; });
    if (common == choices.axes.end() || common->axis == Axis::hidden || common->block)
      throw Error({.where = "--per-block " + key,
                   .what = "cannot be",
                   .expected = "the key of a --choice, once, and not hidden_size, which all blocks share"});
    std::vector<AxisChoices> lists;
    for (size_t b = 0; b < spec.blocks.size(); ++b)
      if (full_widths(spec).blocks[b][common->axis] != 0) lists.push_back({common->axis, common->widths, b});
    const auto at = choices.axes.erase(common);
    choices.axes.insert(at, lists.begin(), lists.end());
  }
  return choices;
}

Widths widths_of(const Choices& choices, const ModelSpec& spec, const std::vector<size_t>& cell) {
  Widths widths = full_widths(spec);
  for (size_t list = 0; list < choices.axes.size(); ++list) {
    const AxisChoices& options = choices.axes[list];
    const int width = options.widths[cell[list]];
    if (options.axis == Axis::hidden) {
      widths.set_hidden(width);
      continue;
    }
    for (size_t b = 0; b < widths.blocks.size(); ++b)
      if (options.is_of(b) && widths.blocks[b][options.axis] != 0) widths.blocks[b][options.axis] = width;
  }
  for (int i = 0; i < choices.dropped[cell.back()]; ++i)
    widths.blocks[size_t(choices.drop_order[size_t(i)])].kept = false;
  return widths;
}

}  // namespace starnest::train
