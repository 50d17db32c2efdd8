// What stands behind starnest::Family.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "arch/cost.h"
#include "arch/family_spec.h"
#include "arch/pass_cost.h"
#include "engine/engine.h"
#include "engine/snapshots.h"
#include "format/text/tokenizer.h"
#include "generate/plan.h"
#include "generate/rules.h"
#include "starnest/family.h"

namespace starnest {

struct Family::Impl {
  Impl(const std::filesystem::path& model, const OpenOptions& options);

  const Tokenizer& require_tokenizer() const;  // Error when the folder has none

  ResolvedPlan resolved(const Plan& plan) const { return resolve(plan, engine, rules, spec.default_plan); }
  Snapshots* snapshots_in_use() { return snapshots.limit() > 0 ? &snapshots : nullptr; }

  // By a step that has read these and nothing else: the weights as pass_cost_of expects, each read once for all items;
  // of each item keys and values of all positions once, and the recurrent state both ways.
  double bytes_moved(std::span<const BatchItem> items) const;

  // Of keys and values of so many tokens, which none shares.
  uint64_t kv_bytes(size_t size, size_t tokens) const;

  std::vector<TokenId> effort_prompt(std::string_view question, const std::string& effort) const;

  void describe_sizes();  // the resident ones, into `sizes`

  FamilySpec spec;
  std::optional<Tokenizer> tokenizer;
  std::string chat_template;  // empty: none
  GenerationRules rules;
  Sampling sampling;  // of generation_config.json, not checked
  Engine engine;      // after all that is quick to read, so that broken small files are known before the weights
  Snapshots snapshots;
  FamilyInfo info;
  std::vector<SizeInfo> sizes;
  PassCosts costs;  // of weights
  PerSize<StateCost> states;

 private:
  void set_context(const OpenOptions& options);
};

}  // namespace starnest
