// Sizes, budgets and choices as people write them: flags, recipes and the jobs of studies. Each form is read here
// alone.
#pragma once

#include <string>

#include "format/json/elastic_json.h"
#include "train/router/choices.h"

namespace starnest::train {

// One --size as an entry of elastic.json: "NAME" is the full model, "NAME:KEY=VALUE,..." has its keys. Lists (per
// block, and layers) are written 0+1+3. Throws Error.
ElasticSize parse_size(const std::string& text);

// What follows the name and its colon; empty for the full model.
std::string size_text(const ElasticSize& size);

// One --choice: "moe_intermediate_size=128,96,64" with the keys of elastic.json. Throws Error.
AxisChoices parse_choices(const std::string& text);

// One entry of --budget. Fractions are of `full`; bytes are told by their unit.
struct BudgetText {
  std::string name;
  double amount = 0;
  enum class Unit { fraction, count, bytes } unit = Unit::fraction;
};
BudgetText parse_budget(const std::string& text);

}  // namespace starnest::train
