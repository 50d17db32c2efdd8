// What generation_config.json says. Without the file every function gives what follows from the rest of the folder.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "base/dims.h"
#include "format/json/hf_config.h"
#include "starnest/plan.h"

namespace starnest {

std::optional<HfConfig> read_generation_config(const std::filesystem::path& folder);

// The ids at which generation stops: eos_token_id, else those of config.json.
std::vector<TokenId> read_stop_ids(const std::filesystem::path& folder, const std::vector<TokenId>& from_config);

// do_sample (absent: false), temperature (absent: 1), top_k, top_p and min_p; null counts as absent. Without do_sample
// the temperature is 0, and the filters stay for a caller who sets one. A filter that the file does not name is off:
// transformers would put its own top_k of 50 there, which no model's author has asked for.
// Throws Error naming file and key for a value of the wrong type or out of range.
Sampling read_sampling(const std::filesystem::path& folder);

}  // namespace starnest
