// What the JSON of a quantised model folder says about its tensors, as NVIDIA's Model Optimizer (ModelOpt) writes it:
// hf_quant_config.json, and the same facts in another form as quantization_config of config.json.
//
// It is for other programs: here the tensors decide what they are, and JSON that contradicts them is worth a notice.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starnest {

inline constexpr std::string_view kHfQuantConfig = "hf_quant_config.json";
inline constexpr std::string_view kQuantizationKey = "quantization_config";  // of config.json
inline constexpr std::string_view kModelOptMethod = "modelopt";

// The algorithms that this program writes. Group sizes follow from them.
inline constexpr std::string_view kNvfp4Algorithm = "NVFP4";
inline constexpr std::string_view kNvfp4WeightsAlgorithm = "W4A16_NVFP4";  // no scales of inputs
inline constexpr std::string_view kFp8Algorithm = "FP8";

// A module is the name of a tensor without its ".weight".
struct QuantizationConfig {
  std::string method{kModelOptMethod};  // of any other one, nothing else is known here
  std::string producer = {}, producer_version = {};
  std::string kv_cache = {};  // "FP8"; empty: keys and values are stored plain
  bool fp8_inputs = true;     // FP8 matrices have scales of inputs

  // Either one algorithm for all modules but some: each by its name or that of a module around it, in which a star
  // stands for any text.
  std::string algorithm = {};
  std::vector<std::string> excluded = {};
  // Or ("MIXED_PRECISION") the algorithm of each module, or of all modules inside it: a block's "mixer.experts".
  std::map<std::string, std::string> layers = {};

  bool mixed() const { return algorithm.empty(); }
  std::string algorithm_of(std::string_view module) const;  // empty: plain

  // Of a model that keeps the modules `kept`, by their names here, under the names they are mapped to. What is said of
  // others is dropped.
  QuantizationConfig renamed(const std::map<std::string, std::string>& kept) const;

  bool operator==(const QuantizationConfig&) const = default;
};

// Either of the two forms. Throws Error naming `where` and the key for a value of the wrong type.
//
// ModelOpt 0.47 may end every name in ".\0" and a sentinel: names are cut there, and a star at their end is kept.
QuantizationConfig parse_quantization(std::string_view json, const std::string& where);

// What a model folder says, config.json first; nothing when it is silent.
std::optional<QuantizationConfig> read_quantization(const std::filesystem::path& folder);

std::string write_hf_quant_config(const QuantizationConfig& config);      // the file
std::string write_quantization_config(const QuantizationConfig& config);  // the object in config.json

}  // namespace starnest
