#include "generate/generation_config.h"

#include <string_view>
#include <utility>

#include "base/source_file.h"
#include "base/text.h"
#include "generate/sampling.h"
#include "starnest/error.h"

namespace starnest {
namespace {

// Of transformers' GenerationConfig: what changes the text and is not implemented here, sorted, with the number that
// changes nothing. Lengths, the cache and what a call returns are the caller's.
constexpr std::pair<std::string_view, double> kNotImplemented[] = {
    {"bad_words_ids", 0},
    {"begin_suppress_tokens", 0},
    {"constraints", 0},
    {"diversity_penalty", 0},
    {"dola_layers", 0},
    {"early_stopping", 0},
    {"encoder_no_repeat_ngram_size", 0},
    {"encoder_repetition_penalty", 1},
    {"epsilon_cutoff", 0},
    {"eta_cutoff", 0},
    {"exponential_decay_length_penalty", 0},
    {"force_words_ids", 0},
    {"forced_bos_token_id", -1},
    {"forced_eos_token_id", -1},
    {"guidance_scale", 1},
    {"length_penalty", 1},
    {"min_length", 0},
    {"min_new_tokens", 0},
    {"no_repeat_ngram_size", 0},
    {"num_beam_groups", 1},
    {"num_beams", 1},
    {"num_return_sequences", 1},
    {"penalty_alpha", 0},
    {"sequence_bias", 0},
    {"stop_strings", 0},
    {"suppress_tokens", 0},
    {"token_healing", 0},
    {"top_h", 1},
    {"typical_p", 1},
    {"watermarking_config", 0},
};

}  // namespace

std::optional<HfConfig> read_generation_config(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "generation_config.json";
  if (!is_there(file)) return std::nullopt;
  return HfConfig::read(file);
}

std::vector<TokenId> read_stop_ids(const std::filesystem::path& folder, const std::vector<TokenId>& from_config) {
  const auto config = read_generation_config(folder);
  const std::vector<TokenId> ids = config ? config->find_ints({"eos_token_id"}) : std::vector<TokenId>{};
  return ids.empty() ? from_config : ids;
}

Sampling read_sampling(const std::filesystem::path& folder) {
  Sampling sampling;
  const auto config = read_generation_config(folder);
  if (!config) return sampling;
  const auto number = [&](const char* key, float off) { return float(config->find_number({key}).value_or(off)); };
  sampling.temperature = number("temperature", 1);
  sampling.top_k = config->find_int({"top_k"}).value_or(0);
  if (sampling.top_k == -1) sampling.top_k = 0;
  sampling.top_p = number("top_p", 1);
  sampling.min_p = number("min_p", 0);
  sampling.repetition_penalty = number("repetition_penalty", 1);
  sampling.presence_penalty = number("presence_penalty", 0);
  sampling.frequency_penalty = number("frequency_penalty", 0);
  if (!config->find_bool({"do_sample"}).value_or(false)) sampling.temperature = 0;
  return sampling;
}

void check_sampling(const Sampling& sampling, const std::filesystem::path& folder, const Sampling& of_folder) {
  check(sampling, [&](const std::string& name) {
    bool is_of_folder = false;
    Sampling::fields([&](const std::string& flag, auto member, const char*) {
      if (flag == (name == "temperature" ? "temp" : setting_name(name)))
        is_of_folder = sampling.*member == of_folder.*member;
    });
    if (!is_of_folder) return setting_name(name);
    return (folder / "generation_config.json").string() + ": key " + in_quotes(name);
  });
}

std::vector<std::string> unused_generation_keys(const std::filesystem::path& folder) {
  const auto config = read_generation_config(folder);
  if (!config) return {};
  std::vector<std::string> keys;
  for (const auto& [key, off] : kNotImplemented)
    if (config->says_more_than({key}, off)) keys.emplace_back(key);
  return keys;
}

}  // namespace starnest
