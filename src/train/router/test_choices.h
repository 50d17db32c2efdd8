// What tests of the search share: lists of choices for the small test model.
#pragma once

#include "base/rng.h"
#include "base/text.h"
#include "train/modules/test_models.h"
#include "train/router/chains.h"

namespace starnest::train::test_choices {

// small_spec with six experts, for a list of five choices.
inline ModelSpec spec() {
  ModelSpec spec = test_models::small_spec();
  for (BlockSpec& block : spec.blocks)
    if (auto* moe = std::get_if<MoeSpec>(&block)) moe->experts = 6;
  return spec;
}

// Lists of 1, 2, 3 and 5 choices, and depth, for the small test model (hidden 64, two groups of Mamba heads).
inline Choices some_choices(const ModelSpec& spec) {
  const Widths full = full_widths(spec);
  const auto width = [&](Axis axis) { return *full.uniform(axis); };
  const int heads = width(Axis::mamba_heads), groups = dial_of(spec, 0, Axis::mamba_heads).units.groups;
  Choices choices;
  choices.axes = {{Axis::hidden, {spec.hidden, spec.hidden - 16, spec.hidden - 32}},
                  {Axis::mamba_heads, {heads, heads - groups}},
                  {Axis::experts, {6, 5, 4, 3, 2}},
                  {Axis::shared_ffn, {32, 16}},
                  {Axis::query_heads, {width(Axis::query_heads)}}};
  choices.dropped = {0, 1, 2};
  choices.drop_order = {5, 3};
  return choices;
}

// The same, with a list for every block of two axes.
inline Choices choices_per_block(const ModelSpec& spec) {
  const Choices uniform = some_choices(spec);
  ChoiceTexts texts{.axes = {}, .per_block = {"n_routed_experts", "mamba_num_heads"}, .dropped = uniform.dropped};
  texts.drop_order = uniform.drop_order;
  for (const AxisChoices& axis : uniform.axes) {
    std::vector<std::string> widths;
    for (const int width : axis.widths) widths.push_back(std::to_string(width));
    texts.axes.push_back(std::string(key_of(axis.axis)) + "=" + join(widths, ","));
  }
  return make_choices(texts, spec);
}

inline Cell random_cell(const Choices& choices, Rng& rng) {
  Cell cell;
  for (size_t list = 0; list < choices.lists(); ++list) cell.push_back(rng.below(choices.count(list)));
  return cell;
}

inline std::vector<CostMeasure> every_measure() {
  CostMeasure with_caches(CostKind::bytes);
  with_caches.sequences = 2;
  with_caches.context = 100;
  return {CostKind::parameters, CostKind::active_parameters, CostKind::bytes, with_caches};
}

}  // namespace starnest::train::test_choices
