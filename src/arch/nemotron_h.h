// Nemotron-H, Nemotron 3 Nano and their elastic families: Mamba-2, attention without positions, squared-ReLU MLPs and
// mixtures of experts, in the order of a pattern string.
#pragma once

#include "arch/model_spec.h"
#include "arch/registry.h"
#include "format/json/hf_config.h"

namespace starnest {

ModelSpec read_nemotron_h(const HfConfig& config);
void write_nemotron_h_widths(HfConfig& config, const ModelSpec& spec, const Widths& widths, PerBlockWidths per_block);

}  // namespace starnest
