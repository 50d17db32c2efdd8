// What a model folder says about generating.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/dims.h"
#include "generate/think.h"

namespace starnest {

struct GenerationRules {
  std::optional<ThinkTokens> think;
  std::vector<TokenId> stop_ids;
  int max_context = 0;            // tokens; 0: no limit known
  std::string context_hint = {};  // what a user can do about a prompt that is longer
};

}  // namespace starnest
