// What stands behind starnest::Family.
#pragma once

#include <optional>
#include <vector>

#include "core/arch/family_spec.h"
#include "core/format/tokenizer.h"
#include "runtime/engine.h"
#include "runtime/generation.h"
#include "starnest/family.h"

namespace starnest {

struct Family::Impl {
  Impl(const std::filesystem::path& model, const OpenOptions& options);

  const Tokenizer& require_tokenizer() const;  // Error when the folder has none

  FamilySpec spec;
  std::optional<Tokenizer> tokenizer;
  Engine engine;
  GenerationRules rules;
  std::vector<SizeInfo> sizes;
};

}  // namespace starnest
