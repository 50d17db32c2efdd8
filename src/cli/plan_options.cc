#include "cli/plan_options.h"

#include <random>

#include "base/text.h"
#include "program/fields.h"
#include "starnest/error.h"

namespace starnest::cli {

void PlanOptions::add_to(CLI::App& app, const std::map<std::string, std::string>& shorthands) {
  app_ = &app;
  CLI::Option* one = app.add_option("--size", size_, "one size for thinking and answer");
  add_fields(app, plan, {.shorthands = shorthands});
  std::map<std::string, std::string> names = shorthands;
  names.emplace("repetition-penalty", "--repeat-penalty");  // llama.cpp's
  add_fields(app, given_, {.shorthands = names});
  for (const char* name :
       {"--temp", "--top-k", "--top-p", "--min-p", "--repetition-penalty", "--presence-penalty", "--frequency-penalty"})
    app.get_option(name)->default_str("as generation_config.json says");
  one->excludes("--think-size")->excludes("--answer-size");
}

Plan PlanOptions::resolved() const {
  Plan out = plan;
  if (!size_.empty()) out.think_size = out.answer_size = size_;
  return out;
}

std::vector<std::string> PlanOptions::sizes() const {
  const Plan plan_used = resolved();
  if (plan_used.think_size.empty() || plan_used.answer_size.empty()) return {};
  std::vector<std::string> names{plan_used.think_size, plan_used.answer_size};
  if (!plan_used.switch_size.empty()) names.push_back(plan_used.switch_size);
  return names;
}

void PlanOptions::refuse_beside_likelihood() const {
  std::vector<std::string> given;
  const auto add = [&](const std::string& name, auto, const char*) {
    if (name != "think-size" && name != "answer-size" && !app_->get_option("--" + name)->empty())
      given.push_back("--" + name);
  };
  Plan::fields(add);
  Sampling::fields(add);
  if (!given.empty())
    throw Error({.where = join(given, ", "),
                 .what = "means nothing here: a likelihood is read, and nothing is generated",
                 .hint = "Leave it out"});
}

Sampling PlanOptions::sampling(const Sampling& of_model, Seed seed) const {
  Sampling out = of_model;
  Sampling::fields([&](const std::string& name, auto member, const char*) {
    if (!app_->get_option("--" + name)->empty()) out.*member = given_.*member;
  });
  if (seed == Seed::random && out.temperature > 0 && app_->get_option("--seed")->empty())
    out.seed = std::random_device{}();
  return out;
}

}  // namespace starnest::cli
