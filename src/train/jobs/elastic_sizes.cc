#include "train/jobs/elastic_sizes.h"

#include <algorithm>
#include <cstdio>

#include "arch/cost.h"
#include "base/text.h"
#include "program/terminal.h"
#include "starnest/error.h"
#include "train/router/size_text.h"

namespace starnest::train {
namespace {

std::vector<ElasticSize> given_sizes(const ElastifySettings& settings) {
  const bool searched = !settings.search.budgets.empty();
  if (searched && !settings.family.sizes.empty())
    throw Error({.where = "--size and --budget",
                 .what = "were given together",
                 .hint = "Give the widths (--size), or budgets to search widths for (--budget, --choice)"});
  if (searched && settings.curriculum.micro_batches > 0)
    throw Error("--curriculum-micro-batches",
                "draws sizes, which a search does not: it runs all of them in every step");
  std::vector<ElasticSize> sizes;
  if (searched) sizes.push_back({.name = settings.search.full, .values = {}, .layers = {}});
  for (const std::string& text : settings.family.sizes) sizes.push_back(parse_size(text));
  if (sizes.empty()) throw Error("--size", "at least one size is needed, or a --budget");
  return sizes;
}

// Checked, and largest first.
void decide_on(ElasticSizes& sizes, const ModelSpec& parent, std::vector<ElasticSize> entries) {
  sizes.file = {.where = "--size", .sizes = std::move(entries), .default_plan = {}, .provenance = {}};
  const Sizes checked = sizes_of(parent, sizes.file);
  const auto shown = checked.largest_first();
  sizes.decided.assign(shown.begin(), shown.end());
  sizes.file.sizes.clear();
  sizes.names.clear();
  for (const Size& size : sizes.decided) {
    sizes.file.sizes.push_back(describe(parent, size));
    sizes.names.push_back(size.name);
  }
}

}  // namespace

ElasticSizes first_sizes(const ElastifySettings& settings, const ModelSpec& parent) {
  ElasticSizes sizes;
  decide_on(sizes, parent, given_sizes(settings));
  sizes.search = make_search(settings.search, settings.router, parent, settings.run.steps, uint64_t(settings.run.seed));
  if (sizes.search)
    for (const Budget& budget : sizes.search->budgets()) sizes.names.push_back(budget.name);
  return sizes;
}

void take_decided(ElasticSizes& sizes, const ModelSpec& parent) {
  std::vector<ElasticSize> entries{describe(parent, sizes.decided.front())};
  for (const Size& size : sizes.search->sizes()) entries.push_back(describe(parent, size));
  decide_on(sizes, parent, std::move(entries));
}

ElasticPlan default_plan(const FamilySettings& family, const std::vector<std::string>& names) {
  const ElasticPlan plan{family.think.empty() ? names.back() : family.think,
                         family.answer.empty() ? names.front() : family.answer};
  for (const std::string& name : {plan.think, plan.answer})
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw Error("the default plan", "there is no size " + in_quotes(name));
  return plan;
}

void print_sizes(const ElasticSizes& sizes, const ModelSpec& parent) {
  for (const Size& size : sizes.decided) {
    const Cost cost = cost_of(parent, size.widths, Encoding::f32);
    print(stdout, "size %-12s %12s parameters, %12s active\n", size.name.c_str(), grouped(cost.parameters).c_str(),
          grouped(cost.active_parameters).c_str());
  }
  std::fflush(stdout);
}

}  // namespace starnest::train
