// Every tensor of a model: its role, its place, its dimensions as segments, its name in a checkpoint.
//
// From this one list follow slicing, loading, parameter counts, sorting and the checks of shapes.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "arch/model_spec.h"
#include "format/json/hf_config.h"
#include "nest/cost.h"

namespace starnest {

// clang-format off
enum class Role {
  embedding, final_norm, head,
  block_norm,
  mamba_in, mamba_in_bias, conv_taps, conv_bias, decay_log, skip, dt_bias, gated_norm, mamba_out, mamba_out_bias,
  query, key, value, attention_out,
  up, up_bias, down, down_bias,
  gate, gate_bias, expert_up, expert_down, shared_up, shared_up_bias, shared_down, shared_down_bias,
};
// clang-format on

// Weights of the linear layers, which quantised formats store in their own way: no embedding, head, router or norm.
bool is_linear(Role role);
bool is_linear_bias(Role role);

struct TensorSpec : NestedTensor {
  Role role{};
  std::string local_name;  // without prefix and block, e.g. "mixer.in_proj.weight"
};

// How a checkpoint spells its names. Sources differ in these three ways.
struct Naming {
  std::string prefix = "backbone.";      // or "model."
  std::string embedding = "embeddings";  // or "embedding"
  bool stacked_experts = false;          // one [E, F, D] tensor in place of E matrices

  // `block` is the number the block has in the file: smaller than spec.block in a slice that dropped blocks.
  std::string name(const TensorSpec& spec, int block) const;
  std::string name(const TensorSpec& spec) const { return name(spec, spec.block); }
};

// The naming that a checkpoint uses, found by asking whether it has certain tensors.
Naming detect_naming(const std::function<bool(std::string_view name)>& has);

// Extra layers that predict further tokens, for speculation. No size needs them; transformers ignores them too.
inline constexpr std::string_view kMultiTokenPrediction = "mtp.";
// Lets the config of a checkpoint without them say that it has none.
void announce_no_prediction_layers(HfConfig& config);

// All tensors of the full model: embedding, blocks in order, final norm, head (absent when tied).
std::vector<TensorSpec> tensors_of(const ModelSpec& spec, const Naming& naming);

}  // namespace starnest
