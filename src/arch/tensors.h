// Every tensor of a model: its role, its place, its dimensions as segments, its parts, its name in a checkpoint.
//
// From this one list follow slicing, loading, parameter counts, sorting and the checks of shapes.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "arch/model_spec.h"
#include "format/json/hf_config.h"
#include "format/weights/checkpoint.h"
#include "nest/cost.h"

namespace starnest {

// clang-format off
enum class Role {
  embedding, final_norm, head,
  block_norm,
  mamba_in, in_z, in_x, in_bc, in_dt, mamba_in_bias, in_z_bias, in_x_bias, in_bc_bias, in_dt_bias,
  conv_taps, taps_x, taps_bc, conv_bias, conv_bias_x, conv_bias_bc, decay_log, skip, dt_bias, gated_norm, mamba_out, mamba_out_bias,
  query, key, value, attention_out,
  up, up_bias, down, down_bias,
  gate, gate_bias, expert_up, expert_down, shared_up, shared_up_bias, shared_down, shared_down_bias,
};
// clang-format on

// Weights of the linear layers, which quantised formats store in their own way: no embedding, head, router or norm.
bool is_linear(Role role);
bool is_linear_bias(Role role);

// The module that a tensor of a checkpoint belongs to: its name without ".weight".
std::string_view module_of(std::string_view tensor);

// Consecutive segments of the outermost dimension (of a stacked tensor: of an expert's) that become a matrix or vector
// of their own in memory.
struct Part {
  Role role{};
  size_t first = 0, count = 0;  // segments
};

struct TensorSpec : NestedTensor {
  Role role{};
  std::vector<Part> parts;  // the tensor is fused from them in this order; one that is not is its own part
  std::string name;         // in the checkpoint

  // The matrices of all experts in one tensor: experts are its outermost dimension.
  bool stacked() const { return use == Use::routed && expert < 0; }
};

// Whether a checkpoint has a tensor of this name.
using HasTensor = std::function<bool(std::string_view name)>;
HasTensor names_in(const Checkpoint& checkpoint);  // which must outlive it
// How the matrices of routed experts are stored: a tensor each, or one for all.
enum class Experts { apart, stacked };

// All tensors of the full model: embedding, blocks in order, final norm, head (absent when tied). As a checkpoint
// spells and stores them, or in the spelling that this program writes.
std::vector<TensorSpec> tensors_of(const ModelSpec& spec, const HasTensor& has);
std::vector<TensorSpec> tensors_of(const ModelSpec& spec, Experts experts = Experts::apart);

// The same without names, which are the architecture's. A Mamba block's input projection is [z | x | B | C | dt], its
// convolution [x | B | C].
std::vector<TensorSpec> unnamed_tensors(const ModelSpec& spec, Experts experts);

// Extra layers that predict further tokens, for speculation. No size needs them; transformers ignores them too.
inline constexpr std::string_view kMultiTokenPrediction = "mtp.";
// Lets the config of a checkpoint without them say that it has none.
void announce_no_prediction_layers(HfConfig& config);

}  // namespace starnest
