#include "arch/family_spec.h"

#include <algorithm>
#include <set>

#include "arch/presets.h"
#include "base/source_file.h"
#include "base/text.h"
#include "format/weights/model_location.h"
#include "starnest/error.h"

namespace starnest {
namespace {

// "elastic.json: size '12b': key 'hidden_size'"
std::string at(const ElasticFile& file, const std::string& size, std::string_view key) {
  return file.where + ": size " + in_quotes(size) + ": key " + in_quotes(key);
}

struct Check {
  const ElasticFile& file;
  const std::string& size;
  Axis axis;

  void operator()(bool good, std::string what, std::string expected, int got, std::string hint = {}) const {
    if (good) return;
    throw Error({.where = at(file, size, key_of(axis)),
                 .what = std::move(what),
                 .expected = std::move(expected),
                 .got = std::to_string(got),
                 .hint = std::move(hint)});
  }
};

void check_width(const Check& check, const BlockSpec& block, int width, int full) {
  check(width >= 1, "is too small", "at least 1", width);
  check(width <= full, "is larger than the full model", "at most " + std::to_string(full), width);
  const int groups = dial_of(dials_of(block), check.axis).units.groups;
  check(width % groups == 0, "does not keep an equal number in every group", "a multiple of " + std::to_string(groups),
        width);
  if (check.axis != Axis::experts) return;
  const auto& moe = std::get<MoeSpec>(block);
  check(moe.groups == 1 || width == full, "cannot be cut while routing is limited to groups of experts",
        std::to_string(full), width);
  check(width >= moe.experts_per_token, "is smaller than num_experts_per_tok",
        "at least " + std::to_string(moe.experts_per_token), width);
}

void check_contraction(const Check& check, const BlockSpec& block, const BlockWidths& widths, int full) {
  if (widths[check.axis] == full) return;
  const int contraction = contraction_of(dials_of(block), check.axis, widths);
  check(contraction % kContractionMultiple == 0, "cuts a contraction to a width that would split a quantised block",
        "a multiple of " + std::to_string(kContractionMultiple) + " channels", contraction);
}

void apply(const ElasticFile& file, const std::string& name, const ElasticValue& value, const ModelSpec& spec,
           const Widths& full, Widths& widths) {
  const Check check{file, name, value.axis};
  if (value.axis == Axis::hidden) {
    const int width = value.numbers.at(0);
    check(width >= 1 && width <= full.hidden, "is not within the full model", "1 to " + std::to_string(full.hidden),
          width);
    check(width == full.hidden || width % kContractionMultiple == 0,
          "cuts the residual to a width that would split a quantised block",
          "a multiple of " + std::to_string(kContractionMultiple), width);
    widths.set_hidden(width);
    return;
  }
  if (value.per_block)
    check(value.numbers.size() == full.blocks.size(), "has the wrong number of entries",
          std::to_string(full.blocks.size()) + ", one per block of the full model", int(value.numbers.size()));
  bool used = false;
  for (size_t b = 0; b < full.blocks.size(); ++b) {
    const int whole = full.blocks[b][value.axis];
    if (whole == 0) continue;  // a block of another kind; its entry in a list is ignored
    const int width = value.numbers[value.per_block ? b : 0];
    check_width(check, spec.blocks[b], width, whole);
    widths.blocks[b][value.axis] = width;
    used = true;
  }
  check(used, "names an axis that the model does not have", "one of its axes",
        value.numbers.empty() ? 0 : value.numbers[0]);
}

void apply_layers(const ElasticFile& file, const ElasticSize& size, Widths& widths) {
  if (!size.layers) return;
  const std::string where = at(file, size.name, "layers");
  const std::string expected = "ascending 0-based indices below " + std::to_string(widths.blocks.size());
  if (size.layers->empty()) throw Error({.where = where, .what = "is empty", .expected = expected});
  int previous = -1;
  for (const int layer : *size.layers) {
    if (layer <= previous || layer >= int(widths.blocks.size()))
      throw Error(
          {.where = where, .what = "is not a list of blocks", .expected = expected, .got = std::to_string(layer)});
    previous = layer;
  }
  for (size_t b = 0; b < widths.blocks.size(); ++b)
    widths.blocks[b].kept = std::binary_search(size.layers->begin(), size.layers->end(), int(b));
}

Size read_size(const ElasticFile& file, const ElasticSize& source, const ModelSpec& spec, const Widths& full) {
  Size size{source.name, full};
  for (const ElasticValue& value : source.values) apply(file, source.name, value, spec, full, size.widths);
  apply_layers(file, source, size.widths);
  for (const ElasticValue& value : source.values) {
    if (value.axis == Axis::hidden) continue;
    for (size_t b = 0; b < full.blocks.size(); ++b)
      if (full.blocks[b][value.axis] != 0)
        check_contraction({file, source.name, value.axis}, spec.blocks[b], size.widths.blocks[b],
                          full.blocks[b][value.axis]);
  }
  return size;
}

}  // namespace

Sizes sizes_of(const ModelSpec& spec, const ElasticFile& file) {
  const Widths full = full_widths(spec);
  std::vector<Size> sizes;  // largest first, as the file and the messages have them
  std::set<std::string> names;
  for (const ElasticSize& source : file.sizes) {
    if (!names.insert(source.name).second) throw Error(file.where, "size " + in_quotes(source.name) + " stands twice");
    sizes.push_back(read_size(file, source, spec, full));
  }
  std::stable_sort(sizes.begin(), sizes.end(), [](const Size& a, const Size& b) {
    const auto sum = [](const Widths& w) {
      int64_t total = w.hidden;
      for (const BlockWidths& block : w.blocks)
        for (const int width : block.width) total += block.kept ? width : 0;
      return total;
    };
    return sum(a.widths) > sum(b.widths);
  });
  for (size_t i = 1; i < sizes.size(); ++i) {
    const Size &outer = sizes[i - 1], &inner = sizes[i];
    if (const auto axis = first_beyond(outer.widths, inner.widths))
      throw Error({.where = at(file, inner.name, *axis == Axis::none ? "layers" : key_of(*axis)),
                   .what = "is larger than in size " + in_quotes(outer.name),
                   .expected = "sizes that are contained in one another"});
    if (contains(inner.widths, outer.widths))
      throw Error(file.where, "sizes " + in_quotes(outer.name) + " and " + in_quotes(inner.name) + " are the same");
  }
  if (names.count(std::string(kFullSize)) && sizes.front().name != kFullSize)
    throw Error(file.where, "the name 'full' belongs to the largest size");
  std::reverse(sizes.begin(), sizes.end());
  return Sizes(std::move(sizes));
}

size_t FamilySpec::size_named(std::string_view name) const {
  if (const auto size = sizes.named(name)) return *size;
  if (name == kFullSize && largest().widths == full_widths(spec)) return sizes.largest();
  throw Error(
      {.where = folder.string(), .what = "there is no size " + in_quotes(name), .hint = suggest(name, sizes.names())});
}

namespace {

void check_default_plan(const ElasticFile& file, const FamilySpec& family) {
  if (!file.default_plan) return;
  for (const std::string& name : {file.default_plan->think, file.default_plan->answer}) {
    if (!family.sizes.named(name) && name != kFullSize)
      throw Error({.where = file.where + ": default_plan",
                   .what = "there is no size " + in_quotes(name),
                   .expected = join(family.sizes.names(), ", "),
                   .hint = suggest(name, family.sizes.names())});
  }
}

void use(const ElasticFile& file, FamilySpec& family) {
  family.sizes = sizes_of(family.spec, file);
  family.default_plan = file.default_plan;
  check_default_plan(file, family);
  for (const auto& [key, text] : file.provenance)
    if (key == "unconfirmed") family.notices.push_back(file.where + ": not confirmed: " + text);
}

}  // namespace

FamilySpec read_family(const std::filesystem::path& model, const std::string& elastic) {
  const std::filesystem::path folder = find_model(model);
  HfConfig config = HfConfig::read(folder / "config.json");
  ModelSpec spec = architecture_of(config).read(config);
  Sizes full({{std::string(kFullSize), full_widths(spec)}});
  FamilySpec family{folder, std::move(config), std::move(spec), std::move(full), std::nullopt, {}};
  if (!elastic.empty())
    use(elastic_file_or_preset(elastic), family);
  else if (is_there(folder / "elastic.json"))
    use(read_elastic(folder / "elastic.json"), family);
  return family;
}

ElasticSize describe(const ModelSpec& spec, const Size& size) {
  const Widths full = full_widths(spec);
  ElasticSize out{size.name, {}, std::nullopt};
  if (size.widths.hidden != full.hidden) out.values.push_back({Axis::hidden, {size.widths.hidden}, false});
  for (const Axis axis : kDials) {
    if (axis == Axis::hidden) continue;
    ElasticValue value{axis, {}, true};
    bool differs = false;
    for (size_t b = 0; b < full.blocks.size(); ++b) {
      value.numbers.push_back(size.widths.blocks[b][axis]);
      differs |= size.widths.blocks[b][axis] != full.blocks[b][axis];
    }
    if (!differs) continue;
    if (const auto width = size.widths.uniform(axis)) value = {axis, {*width}, false};
    out.values.push_back(std::move(value));
  }
  if (size.widths.kept_blocks() != int(full.blocks.size())) {
    out.layers.emplace();
    for (size_t b = 0; b < full.blocks.size(); ++b)
      if (size.widths.blocks[b].kept) out.layers->push_back(int(b));
  }
  return out;
}

}  // namespace starnest
