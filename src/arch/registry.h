// The architectures that starnest knows. Adding one whose blocks exist: one folder beside this file, one line in
// registry.cc.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "arch/gguf.h"
#include "arch/model_spec.h"
#include "arch/tensors.h"
#include "format/json/hf_config.h"

namespace starnest {

// Whether a config may say a width block by block. No other program reads such a config.
enum class PerBlockWidths { refuse, allow };

struct Architecture {
  std::string_view model_type;
  // Reads the dimensions; throws Error for a key that is missing and for a value that has no implementation.
  ModelSpec (*read)(const HfConfig& config);
  // Rewrites the widths in `config` so that it describes the slice. Throws Error when a width differs between blocks
  // and that is not allowed.
  void (*write_widths)(HfConfig& config, const ModelSpec& spec, const Widths& widths, PerBlockWidths per_block);
  // All tensors of the full model: embedding, blocks in order, final norm, head (absent when tied). As a checkpoint
  // spells them that has these names, or as this program writes them.
  std::vector<TensorSpec> (*tensors_in)(const ModelSpec& spec, const HasTensor& has);
  std::vector<TensorSpec> (*tensors)(const ModelSpec& spec, Experts experts);
  // The same model as llama.cpp knows it: what describes it, first general.architecture, and the place of a tensor.
  // Throws Error for a tensor that has none.
  std::vector<GgufKey> (*gguf_keys)(const ModelSpec& spec, const HfConfig& config);
  GgufPlace (*gguf_place)(const ModelSpec& spec, const TensorSpec& tensor);
};

std::span<const Architecture> architectures();
const Architecture& architecture_of(const HfConfig& config);  // by "model_type"; Error names the known ones
const Architecture& architecture_of(const ModelSpec& spec);

}  // namespace starnest
