// Nemotron-H, Nemotron 3 Nano and their elastic families: Mamba-2, attention without positions, squared-ReLU MLPs and
// mixtures of experts, in the order of a pattern string.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "arch/gguf.h"
#include "arch/model_spec.h"
#include "arch/registry.h"
#include "arch/tensors.h"
#include "format/json/hf_config.h"

namespace starnest::nemotron_h {

inline constexpr std::string_view kModelType = "nemotron_h";

ModelSpec read(const HfConfig& config);
void write_widths(HfConfig& config, const ModelSpec& spec, const Widths& widths, PerBlockWidths per_block);

// How a checkpoint spells its names. Sources differ in these three ways.
struct Naming {
  std::string prefix = "backbone.";      // or "model."
  std::string embedding = "embeddings";  // or "embedding"
  bool stacked_experts = false;          // one [E, F, D] tensor in place of E matrices
};

std::vector<TensorSpec> tensors(const ModelSpec& spec, const Naming& naming);
std::vector<TensorSpec> tensors(const ModelSpec& spec, Experts experts);          // in the default spelling
std::vector<TensorSpec> tensors_in(const ModelSpec& spec, const HasTensor& has);  // Architecture::tensors_in

std::vector<GgufKey> gguf_keys(const ModelSpec& spec, const HfConfig& config);  // Architecture::gguf_keys
GgufPlace gguf_place(const ModelSpec& spec, const TensorSpec& tensor);          // Architecture::gguf_place

}  // namespace starnest::nemotron_h
