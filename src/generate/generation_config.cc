#include "generate/generation_config.h"

#include "base/text.h"
#include "generate/sampling.h"
#include "starnest/error.h"

namespace starnest {

std::optional<HfConfig> read_generation_config(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "generation_config.json";
  if (!std::filesystem::exists(file)) return std::nullopt;
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
  sampling.temperature = float(config->find_number({"temperature"}).value_or(1));
  sampling.top_k = config->find_int({"top_k"}).value_or(0);
  sampling.top_p = float(config->find_number({"top_p"}).value_or(1));
  sampling.min_p = float(config->find_number({"min_p"}).value_or(0));
  check(sampling, [&](const char* name) { return config->where() + ": key " + in_quotes(name); });
  if (!config->find_bool({"do_sample"}).value_or(false)) sampling.temperature = 0;
  return sampling;
}

}  // namespace starnest
