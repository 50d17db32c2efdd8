#include "arch/tensors.h"

namespace starnest {
namespace {

Dimension one(Segment segment) { return {segment}; }
Dimension whole(std::string_view name, int extent) { return one(plain_segment(name, Axis::none, extent)); }

// Adds the tensors of one block. Row layouts: z | x | B | C | dt of in_proj, x | B | C of the convolution.
struct BlockTensors {
  const ModelSpec& model;
  const Naming& naming;
  int block;
  std::vector<TensorSpec>& out;

  Dimension hidden() const { return one(plain_segment("hidden", Axis::hidden, model.hidden)); }

  void add(Role role, std::string name, std::vector<Dimension> dims, int expert = -1, Use use = Use::always) const {
    out.push_back({{block, expert, use, std::move(dims)}, role, std::move(name)});
  }

  void operator()(const Mamba2Spec& s) const {
    const auto channels = [&](std::string_view name) {
      return Segment{name, Axis::mamba_heads, s.heads, s.groups, Axis::mamba_head_dim, s.head_dim};
    };
    const Segment heads{"dt", Axis::mamba_heads, s.heads, s.groups, Axis::none, 1};
    const Segment b = plain_segment("B", Axis::none, s.groups * s.state);
    const Segment c = plain_segment("C", Axis::none, s.groups * s.state);
    const Dimension in_rows{channels("z"), channels("x"), b, c, heads};
    const Dimension conv_rows{channels("x"), b, c};
    add(Role::mamba_in, "mixer.in_proj.weight", {in_rows, hidden()});
    if (s.proj_bias) add(Role::mamba_in_bias, "mixer.in_proj.bias", {in_rows});
    add(Role::conv_taps, "mixer.conv1d.weight", {conv_rows, whole("one", 1), whole("taps", s.conv_width)});
    if (s.conv_bias) add(Role::conv_bias, "mixer.conv1d.bias", {conv_rows});
    add(Role::decay_log, "mixer.A_log", {one(heads)});
    add(Role::skip, "mixer.D", {one(heads)});
    add(Role::dt_bias, "mixer.dt_bias", {one(heads)});
    add(Role::gated_norm, "mixer.norm.weight", {one(channels("x"))});
    add(Role::mamba_out, "mixer.out_proj.weight", {hidden(), one(channels("x"))});
    if (s.proj_bias) add(Role::mamba_out_bias, "mixer.out_proj.bias", {hidden()});
  }

  void operator()(const AttentionSpec& s) const {
    const Dimension heads = one({"q", Axis::query_heads, s.query_heads, s.kv_heads, Axis::none, s.head_dim});
    add(Role::query, "mixer.q_proj.weight", {heads, hidden()});
    add(Role::key, "mixer.k_proj.weight", {whole("k", s.kv_heads * s.head_dim), hidden()});
    add(Role::value, "mixer.v_proj.weight", {whole("v", s.kv_heads * s.head_dim), hidden()});
    add(Role::attention_out, "mixer.o_proj.weight", {hidden(), heads});
  }

  void operator()(const MlpSpec& s) const {
    const Dimension ffn = one(plain_segment("ffn", Axis::ffn, s.ffn));
    add(Role::up, "mixer.up_proj.weight", {ffn, hidden()});
    if (s.bias) add(Role::up_bias, "mixer.up_proj.bias", {ffn});
    add(Role::down, "mixer.down_proj.weight", {hidden(), ffn});
    if (s.bias) add(Role::down_bias, "mixer.down_proj.bias", {hidden()});
  }

  void operator()(const MoeSpec& s) const {
    const Dimension experts = one(plain_segment("experts", Axis::experts, s.experts));
    const Dimension ffn = one(plain_segment("ffn", Axis::moe_ffn, s.ffn));
    const Dimension shared = one(plain_segment("shared", Axis::shared_ffn, s.shared_ffn));
    add(Role::gate, "mixer.gate.weight", {experts, hidden()});
    add(Role::gate_bias, "mixer.gate.e_score_correction_bias", {experts});
    if (naming.stacked_experts) {
      add(Role::expert_up, "mixer.experts.up_proj", {experts, ffn, hidden()}, -1, Use::routed);
      add(Role::expert_down, "mixer.experts.down_proj", {experts, hidden(), ffn}, -1, Use::routed);
    }
    for (int e = 0; e < s.experts && !naming.stacked_experts; ++e) {
      const std::string name = "mixer.experts." + std::to_string(e);
      add(Role::expert_up, name + ".up_proj.weight", {ffn, hidden()}, e, Use::routed);
      add(Role::expert_down, name + ".down_proj.weight", {hidden(), ffn}, e, Use::routed);
    }
    add(Role::shared_up, "mixer.shared_experts.up_proj.weight", {shared, hidden()});
    if (s.shared_bias) add(Role::shared_up_bias, "mixer.shared_experts.up_proj.bias", {shared});
    add(Role::shared_down, "mixer.shared_experts.down_proj.weight", {hidden(), shared});
    if (s.shared_bias) add(Role::shared_down_bias, "mixer.shared_experts.down_proj.bias", {hidden()});
  }
};

}  // namespace

bool is_linear(Role role) {
  switch (role) {
    case Role::mamba_in:
    case Role::mamba_out:
    case Role::query:
    case Role::key:
    case Role::value:
    case Role::attention_out:
    case Role::up:
    case Role::down:
    case Role::expert_up:
    case Role::expert_down:
    case Role::shared_up:
    case Role::shared_down:
      return true;
    default:
      return false;
  }
}

bool is_linear_bias(Role role) {
  switch (role) {
    case Role::mamba_in_bias:
    case Role::mamba_out_bias:
    case Role::up_bias:
    case Role::down_bias:
    case Role::shared_up_bias:
    case Role::shared_down_bias:
      return true;
    default:
      return false;
  }
}

std::string Naming::name(const TensorSpec& spec, int block) const {
  if (spec.role == Role::head) return spec.local_name;
  if (spec.role == Role::embedding) return prefix + embedding + ".weight";
  if (spec.block < 0) return prefix + spec.local_name;
  return prefix + "layers." + std::to_string(block) + "." + spec.local_name;
}

void announce_no_prediction_layers(HfConfig& config) {
  for (const char* key : {"num_nextn_predict_layers", "num_mtp_layers", "mtp_num_layers", "mtp_num_hidden_layers"})
    if (config.has({key})) config.set({key}, 0);
}

Naming detect_naming(const std::function<bool(std::string_view name)>& has) {
  Naming naming;
  for (const char* prefix : {"backbone.", "model."})
    for (const char* embedding : {"embeddings", "embedding"})
      if (has(std::string(prefix) + embedding + ".weight")) naming.prefix = prefix, naming.embedding = embedding;
  // The first block is not always a mixture of experts; 1024 bounds any model.
  for (int block = 0; block < 1024 && !naming.stacked_experts; ++block)
    naming.stacked_experts = has(naming.prefix + "layers." + std::to_string(block) + ".mixer.experts.up_proj");
  return naming;
}

std::vector<TensorSpec> tensors_of(const ModelSpec& spec, const Naming& naming) {
  std::vector<TensorSpec> tensors;
  const Dimension hidden = one(plain_segment("hidden", Axis::hidden, spec.hidden));
  const Dimension vocab = whole("vocab", spec.vocab);
  const auto add = [&](Role role, int block, std::string name, std::vector<Dimension> dims, Use use = Use::always) {
    tensors.push_back({{block, -1, use, std::move(dims)}, role, std::move(name)});
  };
  // A tied table is the head as well, and that is read whole.
  add(Role::embedding, -1, "embeddings.weight", {vocab, hidden}, spec.tied_head ? Use::always : Use::one_row);
  for (size_t b = 0; b < spec.blocks.size(); ++b) {
    add(Role::block_norm, int(b), "norm.weight", {hidden});
    std::visit(BlockTensors{spec, naming, int(b), tensors}, spec.blocks[b]);
  }
  add(Role::final_norm, -1, "norm_f.weight", {hidden});
  if (!spec.tied_head) add(Role::head, -1, "lm_head.weight", {vocab, hidden});
  return tensors;
}

}  // namespace starnest
