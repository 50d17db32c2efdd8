#include "arch/nemotron_h/nemotron_h.h"
#include "base/check.h"

namespace starnest::nemotron_h {
namespace {

// Below the block's own name. Of experts, for both ways of storing them: "mixer.experts.3.up_proj.weight", stacked
// "mixer.experts.up_proj".
std::string local_name(const TensorSpec& tensor) {
  switch (tensor.role) {
    case Role::block_norm:
      return "norm.weight";
    case Role::mamba_in:
      return "mixer.in_proj.weight";
    case Role::mamba_in_bias:
      return "mixer.in_proj.bias";
    case Role::conv_taps:
      return "mixer.conv1d.weight";
    case Role::conv_bias:
      return "mixer.conv1d.bias";
    case Role::decay_log:
      return "mixer.A_log";
    case Role::skip:
      return "mixer.D";
    case Role::dt_bias:
      return "mixer.dt_bias";
    case Role::gated_norm:
      return "mixer.norm.weight";
    case Role::mamba_out:
      return "mixer.out_proj.weight";
    case Role::mamba_out_bias:
      return "mixer.out_proj.bias";
    case Role::query:
      return "mixer.q_proj.weight";
    case Role::key:
      return "mixer.k_proj.weight";
    case Role::value:
      return "mixer.v_proj.weight";
    case Role::attention_out:
      return "mixer.o_proj.weight";
    case Role::up:
      return "mixer.up_proj.weight";
    case Role::up_bias:
      return "mixer.up_proj.bias";
    case Role::down:
      return "mixer.down_proj.weight";
    case Role::down_bias:
      return "mixer.down_proj.bias";
    case Role::gate:
      return "mixer.gate.weight";
    case Role::gate_bias:
      return "mixer.gate.e_score_correction_bias";
    case Role::expert_up:
    case Role::expert_down: {
      const std::string matrix = tensor.role == Role::expert_up ? "up_proj" : "down_proj";
      if (tensor.stacked()) return "mixer.experts." + matrix;
      return "mixer.experts." + std::to_string(tensor.expert) + "." + matrix + ".weight";
    }
    case Role::shared_up:
      return "mixer.shared_experts.up_proj.weight";
    case Role::shared_up_bias:
      return "mixer.shared_experts.up_proj.bias";
    case Role::shared_down:
      return "mixer.shared_experts.down_proj.weight";
    case Role::shared_down_bias:
      return "mixer.shared_experts.down_proj.bias";
    default:
      check_failed("role", "no tensor of a block", __FILE__, __LINE__);
  }
}

std::string name_of(const TensorSpec& tensor, const Naming& naming) {
  if (tensor.role == Role::head) return "lm_head.weight";
  if (tensor.role == Role::embedding) return naming.prefix + naming.embedding + ".weight";
  if (tensor.role == Role::final_norm) return naming.prefix + "norm_f.weight";
  return naming.prefix + "layers." + std::to_string(tensor.block) + "." + local_name(tensor);
}

Naming detected(const ModelSpec& spec, const HasTensor& has) {
  Naming naming;
  for (const char* prefix : {"backbone.", "model."})
    for (const char* embedding : {"embeddings", "embedding"})
      if (has(std::string(prefix) + embedding + ".weight")) naming.prefix = prefix, naming.embedding = embedding;
  // The first block is not always a mixture of experts.
  for (size_t block = 0; block < spec.blocks.size() && !naming.stacked_experts; ++block)
    naming.stacked_experts = has(naming.prefix + "layers." + std::to_string(block) + ".mixer.experts.up_proj");
  return naming;
}

}  // namespace

std::vector<TensorSpec> tensors(const ModelSpec& spec, const Naming& naming) {
  std::vector<TensorSpec> tensors = unnamed_tensors(spec, naming.stacked_experts ? Experts::stacked : Experts::apart);
  for (TensorSpec& tensor : tensors) tensor.name = name_of(tensor, naming);
  return tensors;
}

std::vector<TensorSpec> tensors(const ModelSpec& spec, Experts experts) {
  return tensors(spec, Naming{.stacked_experts = experts == Experts::stacked});
}

std::vector<TensorSpec> tensors_in(const ModelSpec& spec, const HasTensor& has) {
  return tensors(spec, detected(spec, has));
}

}  // namespace starnest::nemotron_h
