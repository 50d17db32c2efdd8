// What stands behind starnest::Family.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <tuple>
#include <vector>

#include "arch/cost.h"
#include "arch/family_spec.h"
#include "engine/engine.h"
#include "format/text/tokenizer.h"
#include "generate/generation.h"
#include "starnest/family.h"

namespace starnest {

struct Family::Impl {
  Impl(const std::filesystem::path& model, const OpenOptions& options);

  const Tokenizer& require_tokenizer() const;  // Error when the folder has none

  // By a step that is to read these and nothing else: the weights as pass_cost_of expects, each read once for all
  // items; of each item keys and values of all positions once, and the recurrent state both ways.
  double bytes_moved(std::span<const BatchItem> items);

  // `plan` with the names of its sizes filled in: what the family does by default where it names none. Throws as
  // resolve.
  Plan with_sizes(Plan plan) const;

  // Throws Error for a value out of range, naming the file where it is the folder's own.
  void check(const Sampling& asked) const;

  void require_prompt_format() const;  // throws Error for a template that is not known here
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

 private:
  StoredFormat format() const { return engine.weight_dtype() == DType::f32 ? StoredFormat::f32 : StoredFormat::bf16; }
  void set_context(const OpenOptions& options);

  // Of the weights in passes so far, by (size, tokens, logits) of their items.
  std::map<std::vector<std::tuple<size_t, size_t, size_t>>, double> weight_bytes_;
};

}  // namespace starnest
