#include "train/jobs/budgets.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/range.h"
#include "base/text.h"
#include "starnest/error.h"
#include "train/run/settings.h"

namespace starnest::train {
namespace {

using Unit = BudgetText::Unit;

template <class Value>
Value value_named(const std::string& name, const std::map<std::string, Value>& values, const char* flag,
                  const char* known) {
  if (const auto found = values.find(name); found != values.end()) return found->second;
  throw Error({.where = flag, .what = "is unknown", .expected = known, .got = in_quotes(name)});
}

CostKind kind_of(const SearchSettings& settings, Unit unit) {
  const auto named = value_named<CostKind>(
      settings.of,
      {{"active", CostKind::active_parameters}, {"total", CostKind::parameters}, {"bytes", CostKind::bytes}},
      "--budget-of", "active, total or bytes");
  return unit == Unit::bytes ? CostKind::bytes : named;
}

Encoding format_named(const std::string& name) {
  return value_named<Encoding>(name, {{"bf16", Encoding::bf16}, {"fp8", Encoding::fp8}, {"nvfp4", Encoding::nvfp4}},
                               "--budget-format", "bf16, fp8 or nvfp4");
}

CostMeasure measure_of(const SearchSettings& settings, Unit unit) {
  CostMeasure of(kind_of(settings, unit), format_named(settings.format));
  if (settings.context == 0 && settings.sequences != 1)
    throw Error("--budget-sequences", "needs --budget-context, the tokens of each");
  if (settings.context == 0) return of;
  if (of.kind != CostKind::bytes)
    throw Error({.where = "--budget-context",
                 .what = "needs budgets of bytes",
                 .hint = "Write --budget 12GiB, or --budget-of bytes with fractions"});
  require_at_least("--budget-sequences", settings.sequences, 1);
  of.sequences = settings.sequences;
  of.context = settings.context;
  return of;
}

// What only a search reads must not be given to a run without one.
void refuse_without_budgets(const SearchSettings& search, const RouterSettings& router) {
  std::string name = first_that_is_set(search);
  if (name.empty()) name = first_that_is_set(router, "router_");
  if (name.empty()) return;
  std::replace(name.begin(), name.end(), '_', '-');
  throw Error({.where = "--" + name,
               .what = "says how to search for widths, and nothing is searched",
               .hint = "Give a --budget, or leave it out"});
}

// `budgets` by falling cap.
void check_distinct(const std::vector<Budget>& budgets, const std::string& full) {
  std::set<std::string> names{full};
  for (const Budget& budget : budgets)
    if (!names.insert(budget.name).second)
      throw Error({.where = "--budget",
                   .what = "two sizes have the name " + in_quotes(budget.name),
                   .hint = "Name them: --budget medium=0.75 --budget small=0.5 (the full one is --full)"});
  for (size_t b = 1; b < budgets.size(); ++b)
    if (budgets[b].cap == budgets[b - 1].cap)
      throw Error("--budget", join(std::vector{budgets[b - 1].name, budgets[b].name}, " and ") + " are equal");
}

}  // namespace

std::unique_ptr<WidthSearch> make_search(const SearchSettings& settings, RouterSettings router, const ModelSpec& spec,
                                         int steps, uint64_t seed) {
  if (settings.budgets.empty()) {
    refuse_without_budgets(settings, router);
    return nullptr;
  }
  check(router);
  std::vector<BudgetText> texts;
  for (const std::string& text : settings.budgets)
    for (const std::string& part : split(text, ',')) texts.push_back(parse_budget(part));
  Choices choices = make_choices({.axes = settings.choices,
                                  .per_block = settings.per_block,
                                  .dropped = settings.drop,
                                  .drop_order = settings.drop_order},
                                 spec);
  const CostMeasure of = measure_of(settings, texts.front().unit);
  const double full = exact_cost(spec, full_widths(spec), of);
  std::vector<Budget> budgets;
  for (const BudgetText& text : texts) {
    if (text.unit != texts.front().unit) throw Error("--budget", "mixes fractions, counts and bytes");
    budgets.push_back({text.name, text.unit == Unit::fraction ? text.amount * full : text.amount});
    if (budgets.back().cap >= full)
      throw Error({.where = "--budget " + text.name,
                   .what = "is not below the cost of the full model",
                   .expected = "less than " + grouped(uint64_t(full)),
                   .got = grouped(uint64_t(budgets.back().cap))});
  }
  std::stable_sort(budgets.begin(), budgets.end(), [](const Budget& a, const Budget& b) { return a.cap > b.cap; });
  check_distinct(budgets, settings.full);
  if (router.steps == 0) router.steps = std::max(400, steps * 15 / 100);
  router.steps = std::min(router.steps, steps);
  return std::make_unique<WidthSearch>(spec, std::move(choices), std::move(budgets), of, router, seed);
}

}  // namespace starnest::train
