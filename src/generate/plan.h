// A plan as the engine follows it: sizes by number, defaults filled in, checked.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "arch/family_spec.h"
#include "engine/engine.h"
#include "generate/rules.h"
#include "starnest/plan.h"

namespace starnest {

struct ResolvedStage {
  size_t size = 0;
  Until until;
};

struct ResolvedPlan {
  std::vector<ResolvedStage> stages;  // at least one; the last one writes until the end
  int think_budget = -1;
  int think_grace = 0;
  int answer_reserve = 0;
  bool reserve_by_default = false;  // not asked for
  int max_tokens = 0;
  HandOver hand_over = {};
  // What was asked for that only thinking can use, e.g. "think-budget"; empty: nothing.
  std::string asked_of_thinking = {};

  // The stage that goes on when thinking ends while `stage` writes: `stage` itself when none waits for that.
  size_t after_thinking(size_t stage) const;
  size_t answering() const { return after_thinking(0); }  // where the text begins when the prompt opens no thinking
};

int default_reserve(int tokens);  // of so many for thinking and answer

// Throws Error for sizes that are not loaded, numbers out of range, stages that make no plan, a plan for a model that
// does not think, and a hand-over that these sizes cannot do.
ResolvedPlan resolve(const Plan& plan, const Engine& engine, const GenerationRules& rules,
                     const std::optional<ElasticPlan>& default_plan);

}  // namespace starnest
