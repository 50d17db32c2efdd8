#include "cli/plan_options.h"

#include "command_line/fields.h"

namespace starnest::cli {

void PlanOptions::add_to(CLI::App& app, const std::map<std::string, std::string>& shorthands) {
  CLI::Option* one = app.add_option("--size", size, "one size for thinking and answer");
  add_fields(app, plan, {.shorthands = shorthands});
  add_fields(app, sampling, {.shorthands = shorthands});
  one->excludes("--think-size")->excludes("--answer-size");
}

Plan PlanOptions::resolved() const {
  Plan out = plan;
  if (!size.empty()) out.think_size = out.answer_size = size;
  return out;
}

std::vector<std::string> PlanOptions::sizes() const {
  const Plan plan_used = resolved();
  if (plan_used.think_size.empty() || plan_used.answer_size.empty()) return {};
  return {plan_used.think_size, plan_used.answer_size};
}

}  // namespace starnest::cli
