#include "base/check.h"
#include "format/json/quantization_config.h"
#include "target.h"

namespace starnest::fuzz {

void quant_config(std::string_view bytes) {
  const QuantizationConfig config = parse_quantization(bytes, "fuzz");
  if (config.method != kModelOptMethod) return;
  for (const std::string& name : config.excluded) config.algorithm_of(name);
  for (const auto& [module, algorithm] : config.layers)
    SN_CHECK(config.algorithm_of(module) == algorithm, "a module lost its algorithm");
  const QuantizationConfig again = parse_quantization(write_hf_quant_config(config), "written");
  SN_CHECK(again.excluded.size() == config.excluded.size() && again.layers.size() <= config.layers.size(),
           "writing and reading differ");
  parse_quantization(write_quantization_config(config), "written");
  std::map<std::string, std::string> kept;
  for (const std::string& name : config.excluded) kept.emplace(name + ".x", name + ".y");
  config.renamed(kept);
}

}  // namespace starnest::fuzz
