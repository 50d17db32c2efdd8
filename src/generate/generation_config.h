// What generation_config.json says. Without the file every function gives what follows from the rest of the folder.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/dims.h"
#include "format/json/hf_config.h"
#include "starnest/plan.h"

namespace starnest {

std::optional<HfConfig> read_generation_config(const std::filesystem::path& folder);

// The ids at which generation stops: eos_token_id, else those of config.json.
std::vector<TokenId> read_stop_ids(const std::filesystem::path& folder, const std::vector<TokenId>& from_config);

// What the file says of sampling, not checked: check_sampling does that, once a caller's own values have taken the
// place of some.
//   do_sample (absent: false), temperature (absent: 1), top_k, top_p, min_p, repetition_penalty, presence_penalty and
//   frequency_penalty. null counts as absent, and so does a top_k of -1, as vLLM writes "off".
// Without do_sample the temperature is 0, and the filters stay for a caller who sets one. A filter that the file does
// not name is off: transformers would put its own top_k of 50 there, which no model's author has asked for.
// Throws Error naming file and key for a value of the wrong type.
Sampling read_sampling(const std::filesystem::path& folder);

// Throws Error for a value out of range, naming file and key where it is that of `of_folder`, else the setting.
void check_sampling(const Sampling& sampling, const std::filesystem::path& folder, const Sampling& of_folder);

// What the file asks for that would change the text and is not implemented here: keys, sorted.
std::vector<std::string> unused_generation_keys(const std::filesystem::path& folder);

}  // namespace starnest
