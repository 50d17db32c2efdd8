#include "generate/plan.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/check.h"
#include "base/range.h"
#include "base/text.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr int kDefaultReserve = 512;
constexpr int kMost = 1 << 30;

[[noreturn]] void refuse_stages(const std::string& what, const std::string& got) {
  throw Error({.where = "stages",
               .what = what,
               .expected = "SIZE:UNTIL,... with UNTIL of tokens=N, entropy=X, both with a slash between, tag or end",
               .got = in_quotes(got),
               .hint = "An example: small:tokens=64,large:tag,small:end"});
}

void read_rule(const std::string& text, const std::string& stage, Until& until) {
  const size_t equals = text.find('=');
  const std::string name = text.substr(0, equals), value = equals == std::string::npos ? "" : text.substr(equals + 1);
  if (name == "tokens" && until.tokens < 0) {
    until.tokens = whole_number<int>(value).value_or(0);
    if (until.tokens < 1) refuse_stages("have a number of tokens that is not at least 1", stage);
  } else if (name == "entropy" && until.entropy < 0) {
    const auto [stop, problem] = std::from_chars(value.data(), value.data() + value.size(), until.entropy);
    const bool read = problem == std::errc() && stop == value.data() + value.size();
    if (!read || !(until.entropy >= 0) || !std::isfinite(until.entropy))
      refuse_stages("have an entropy that is not 0 or more nats", stage);
  } else {
    refuse_stages("have a stage with an end that is not known", stage);
  }
}

Stage parse_stage(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) refuse_stages("have a stage without a size or an end", text);
  const std::string until = text.substr(colon + 1);
  Stage stage{text.substr(0, colon), Until::end()};
  if (until == "tag") stage.until = Until::tag();
  if (until == "tag" || until == "end") return stage;
  stage.until.event = Until::Event::rule;
  for (const std::string& rule : split(until, '/')) read_rule(rule, text, stage.until);
  return stage;
}

void check_stages(const std::vector<Stage>& stages) {
  const auto is = [](Until::Event event) { return [event](const Stage& stage) { return stage.until.event == event; }; };
  const auto refuse = [&](const std::string& what) { refuse_stages(what, text_of(stages)); };
  if (stages.back().until.event != Until::Event::end) refuse("must have a last stage that writes until the end");
  if (std::count_if(stages.begin(), stages.end(), is(Until::Event::end)) > 1) refuse("end twice");
  if (std::count_if(stages.begin(), stages.end(), is(Until::Event::tag)) > 1) refuse("have two stages until the tag");
  for (const Stage& stage : stages)
    if (stage.until.event == Until::Event::rule && stage.until.tokens < 1 && !(stage.until.entropy >= 0))
      refuse("have a stage without a rule that ends it");
}

// A size of the default plan that is not in memory is replaced by the largest that is: what a user named is refused,
// what nobody named is not.
std::string resident_or_largest(const std::string& name, const Engine& engine) {
  const std::optional<size_t> size = engine.sizes().named(name);
  return size && *size > engine.resident() ? engine.name_of(engine.resident()) : name;
}

std::vector<Stage> stages_of(const Plan& plan, const Engine& engine, const GenerationRules& rules,
                             const std::optional<ElasticPlan>& default_plan) {
  if (!plan.stages.empty()) return plan.stages;
  if (!default_plan) return {{engine.name_of(engine.resident())}};
  return think_and_answer(rules.think ? resident_or_largest(default_plan->think, engine) : "",
                          resident_or_largest(default_plan->answer, engine));
}

// Every way in which one stage can come after another.
void check_hand_over(const Engine& engine, const ResolvedPlan& plan) {
  if (plan.hand_over.exact()) return;
  for (size_t s = 0; s < plan.stages.size(); ++s)
    for (const size_t next : {std::min(s + 1, plan.stages.size() - 1), plan.after_thinking(s)})
      engine.check_transplant(plan.stages[s].size, plan.stages[next].size);
}

bool waits_for_tag(const Stage& stage) { return stage.until.event == Until::Event::tag; }

std::string asked_of_thinking(const Plan& plan) {
  std::vector<std::string> asked;
  if (std::any_of(plan.stages.begin(), plan.stages.end(), waits_for_tag)) asked.push_back("a size for thinking");
  if (plan.think_budget > 0) asked.push_back("think-budget");
  return join(asked, " and ");
}

}  // namespace

int default_reserve(int tokens) { return std::clamp(tokens / 4, 1, kDefaultReserve); }

const char* name_of(Phase phase) { return phase == Phase::thinking ? "thinking" : "answering"; }

const char* name_of(ThinkEnd end) {
  switch (end) {
    case ThinkEnd::none:
      return "none";
    case ThinkEnd::natural:
      return "natural";
    case ThinkEnd::boundary:
      return "boundary";
    case ThinkEnd::forced:
      return "forced";
    case ThinkEnd::stopped:
      return "stopped";
  }
  check_failed("end", "unknown end", __FILE__, __LINE__);
}

const char* name_of(AnswerEnd end) {
  switch (end) {
    case AnswerEnd::stop_token:
      return "stop_token";
    case AnswerEnd::stop_text:
      return "stop_text";
    case AnswerEnd::max_tokens:
      return "max_tokens";
    case AnswerEnd::context:
      return "context";
    case AnswerEnd::memory:
      return "memory";
    case AnswerEnd::cancelled:
      return "cancelled";
  }
  check_failed("end", "unknown end", __FILE__, __LINE__);
}

std::vector<Stage> parse_stages(const std::string& text) {
  std::vector<Stage> stages;
  for (const std::string& stage : split(text, ',')) stages.push_back(parse_stage(stage));
  check_stages(stages);
  return stages;
}

std::string text_of(const Until& until) {
  if (until.event != Until::Event::rule) return until.event == Until::Event::tag ? "tag" : "end";
  std::vector<std::string> rules;
  if (until.tokens >= 0) rules.push_back("tokens=" + std::to_string(until.tokens));
  if (until.entropy >= 0) rules.push_back(format_number("entropy=%g", until.entropy));
  return join(rules, "/");
}

std::string text_of(const std::vector<Stage>& stages) {
  std::vector<std::string> texts;
  for (const Stage& stage : stages) texts.push_back(stage.size + ":" + text_of(stage.until));
  return join(texts, ",");
}

std::vector<Stage> think_and_answer(const std::string& think, const std::string& answer) {
  if (think.empty() && answer.empty()) return {};
  if (think.empty() || answer.empty() || think == answer) return {{think.empty() ? answer : think}};
  return {{think, Until::tag()}, {answer}};
}

size_t ResolvedPlan::after_thinking(size_t stage) const {
  for (size_t s = stage; s < stages.size(); ++s)
    if (stages[s].until.event == Until::Event::tag) return s + 1;
  return stage;
}

ResolvedPlan resolve(const Plan& plan, const Engine& engine, const GenerationRules& rules,
                     const std::optional<ElasticPlan>& default_plan) {
  require_range("max-tokens", plan.max_tokens, 1, kMost);
  require_range("think-grace", plan.think_grace, 0, kMost);
  require_range("think-budget", plan.think_budget, -kMost, kMost);
  require_range("answer-reserve", plan.answer_reserve, -kMost, kMost);
  const std::vector<Stage> stages = stages_of(plan, engine, rules, default_plan);
  check_stages(stages);
  ResolvedPlan out{.stages = {},
                   .think_budget = plan.think_budget,
                   .think_grace = plan.think_grace,
                   .answer_reserve = plan.answer_reserve < 0 ? default_reserve(plan.max_tokens) : plan.answer_reserve,
                   .reserve_by_default = plan.answer_reserve < 0,
                   .max_tokens = plan.max_tokens,
                   .hand_over = plan.hand_over,
                   .asked_of_thinking = asked_of_thinking(plan)};
  if (!rules.think && !out.asked_of_thinking.empty())
    throw Error(
        {.where = "plan",
         .what = out.asked_of_thinking + " cannot apply: this model does not say how its thinking opens and closes",
         .hint = "Add think_start_ids and think_end_ids to generation_config.json, or choose one size for the "
                 "whole text"});
  for (const Stage& stage : stages) out.stages.push_back({engine.size_named(stage.size), stage.until});
  check_hand_over(engine, out);
  return out;
}

}  // namespace starnest
