#include "cli/plan_options.h"

#include <random>

#include "base/text.h"
#include "cli/common.h"
#include "program/fields.h"
#include "starnest/error.h"

namespace starnest::cli {

void PlanOptions::add_to(CLI::App& app, const std::map<std::string, std::string>& shorthands) {
  app_ = &app;
  add_sizes_option(app, sizes_, "sizes to load", "those that are named, else all");
  CLI::Option* all = app.add_option("--stages", stages_,
                                    "who writes until when: SIZE:UNTIL,... with UNTIL of tokens=N, entropy=X (nats), "
                                    "tag (the end of thinking) or end, e.g. small:tokens=64,large:tag,small:end");
  CLI::Option* one = app.add_option("--size", size_, "one size for thinking and answer");
  CLI::Option* thinks = app.add_option("--think-size", think_size_, "size that thinks");
  CLI::Option* answers = app.add_option("--answer-size", answer_size_, "size that answers");
  CLI::Option* change =
      app.add_option("--switch-size", switch_size_, "size that takes over thinking, by one of the next two rules");
  app.add_option("--switch-after", switch_after_, "thinking tokens before it does; negative = not by their number")
      ->capture_default_str();
  app.add_option("--switch-entropy", switch_entropy_,
                 "mean entropy of the last 8 choices (nats) above which it does; negative = not by entropy")
      ->capture_default_str();
  app.add_option("--hand-over", hand_over_,
                 "how the next size gets its state: recompute, shadow[:N] (both exact), transplant, hybrid:N")
      ->capture_default_str();
  add_fields(app, plan, {.shorthands = shorthands});
  std::map<std::string, std::string> names = shorthands;
  names.emplace("repetition-penalty", "--repeat-penalty");  // llama.cpp's
  add_fields(app, given_, {.shorthands = names});
  for (const char* name :
       {"--temp", "--top-k", "--top-p", "--min-p", "--repetition-penalty", "--presence-penalty", "--frequency-penalty"})
    app.get_option(name)->default_str("as generation_config.json says");
  one->excludes(thinks)->excludes(answers);
  for (CLI::Option* other : {one, thinks, answers, change}) all->excludes(other);
}

std::vector<Stage> PlanOptions::named() const {
  if (!stages_.empty()) return parse_stages(stages_);
  return size_.empty() ? think_and_answer(think_size_, answer_size_) : think_and_answer(size_, size_);
}

Until PlanOptions::switch_rule() const {
  Until until{Until::Event::rule, switch_after_, switch_entropy_};
  if (switch_after_ == 0) until.tokens = 1;  // a stage writes a token at least
  return until;
}

Plan PlanOptions::resolved(const Family& family) const {
  Plan out = plan;
  out.hand_over = parse_hand_over(hand_over_);
  out.stages = named();
  const bool by_rule = switch_after_ >= 0 || switch_entropy_ >= 0;
  if (switch_size_.empty() && by_rule)
    throw Error("switch-size", "is missing: switch-after and switch-entropy say when, not to which size");
  if (switch_size_.empty()) return out;
  if (!by_rule) throw Error("switch-size", "needs switch-after or switch-entropy, which say when");
  if (out.stages.empty()) out.stages = family.default_plan().stages;
  out.stages = {{out.stages.front().size, switch_rule()}, {switch_size_, Until::tag()}, {out.stages.back().size}};
  return out;
}

std::vector<std::string> PlanOptions::sizes() const {
  const bool half = stages_.empty() && size_.empty() && (think_size_.empty() || answer_size_.empty());
  if (half) return {};
  std::vector<std::string> names;
  for (const Stage& stage : named()) names.push_back(stage.size);
  if (!switch_size_.empty()) names.push_back(switch_size_);
  return names;
}

void PlanOptions::refuse_beside_likelihood() const {
  std::vector<std::string> given;
  const auto add = [&](const std::string& name, auto, const char*) {
    if (!app_->get_option("--" + name)->empty()) given.push_back("--" + name);
  };
  for (const char* name : {"switch-size", "switch-after", "switch-entropy", "hand-over"}) add(name, 0, "");
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
