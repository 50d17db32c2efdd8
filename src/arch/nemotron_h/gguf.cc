// Names, shapes and keys as llama.cpp's converter (conversion/nemotron.py) writes and its loader expects them.
#include "arch/gguf.h"

#include <algorithm>
#include <array>
#include <utility>

#include "arch/nemotron_h/nemotron_h.h"
#include "base/check.h"
#include "base/text.h"
#include "starnest/error.h"

namespace starnest::nemotron_h {
namespace {

// Below "blk.N.".
constexpr std::array<std::pair<Role, std::string_view>, 23> kGgufNames{{
    {Role::block_norm, "attn_norm.weight"},  // of every kind of block
    {Role::mamba_in, "ssm_in.weight"},
    {Role::conv_taps, "ssm_conv1d.weight"},
    {Role::conv_bias, "ssm_conv1d.bias"},
    {Role::decay_log, "ssm_a"},
    {Role::skip, "ssm_d"},
    {Role::dt_bias, "ssm_dt.bias"},
    {Role::gated_norm, "ssm_norm.weight"},
    {Role::mamba_out, "ssm_out.weight"},
    {Role::query, "attn_q.weight"},
    {Role::key, "attn_k.weight"},
    {Role::value, "attn_v.weight"},
    {Role::attention_out, "attn_output.weight"},
    {Role::up, "ffn_up.weight"},
    {Role::up_bias, "ffn_up.bias"},
    {Role::down, "ffn_down.weight"},
    {Role::down_bias, "ffn_down.bias"},
    {Role::gate, "ffn_gate_inp.weight"},
    {Role::gate_bias, "exp_probs_b.bias"},
    {Role::expert_up, "ffn_up_exps.weight"},
    {Role::expert_down, "ffn_down_exps.weight"},
    {Role::shared_up, "ffn_up_shexp.weight"},
    {Role::shared_down, "ffn_down_shexp.weight"},
}};

std::string gguf_name(const TensorSpec& tensor) {
  if (tensor.role == Role::embedding) return "token_embd.weight";
  if (tensor.role == Role::final_norm) return "output_norm.weight";
  if (tensor.role == Role::head) return "output.weight";
  for (const auto& [role, name] : kGgufNames)
    if (role == tensor.role) return "blk." + std::to_string(tensor.block) + "." + std::string(name);
  throw Error({.where = "tensor " + in_quotes(tensor.name),
               .what = "has no place in the GGUF of this architecture: llama.cpp knows no such bias"});
}

template <class Block>
const Block* first_of(const ModelSpec& spec) {
  for (const BlockSpec& block : spec.blocks)
    if (const auto* found = std::get_if<Block>(&block)) return found;
  return nullptr;
}

// A number per block: what `of` says of a block of the type, else 0.
struct PerBlock {
  const ModelSpec& spec;
  template <class Of>
  std::vector<int32_t> numbers(const Of& of) const {
    std::vector<int32_t> numbers;
    for (const BlockSpec& block : spec.blocks) numbers.push_back(std::visit(of, block));
    return numbers;
  }
};
struct KvHeads {
  int32_t operator()(const AttentionSpec& s) const { return s.kv_heads; }
  template <class Other>
  int32_t operator()(const Other&) const {
    return 0;
  }
};
// llama.cpp tells the kinds of blocks apart by this number and that of the KV heads.
struct FeedForward {
  int32_t operator()(const MlpSpec& s) const { return s.ffn; }
  int32_t operator()(const MoeSpec& s) const { return s.ffn; }
  template <class Other>
  int32_t operator()(const Other&) const {
    return 0;
  }
};

// Adds keys below the name of the architecture.
class Keys {
 public:
  Keys(std::string prefix, std::vector<GgufKey>& keys) : prefix_(std::move(prefix)), keys_(keys) {}
  void add(const char* name, GgufValue value) const { keys_.push_back({prefix_ + name, std::move(value)}); }
  void count(const char* name, int64_t number) const { add(name, uint32_t(number)); }

 private:
  std::string prefix_;
  std::vector<GgufKey>& keys_;
};

void add_attention(const Keys& keys, const ModelSpec& spec, const AttentionSpec& s) {
  keys.count("attention.head_count", s.query_heads);
  keys.count("attention.key_length", s.head_dim);
  keys.count("attention.value_length", s.head_dim);
  keys.count("rope.dimension_count", spec.hidden / s.query_heads);  // not used, but readers want it
}

void add_mamba(const Keys& keys, const Mamba2Spec& s) {
  keys.count("ssm.conv_kernel", s.conv_width);
  keys.count("ssm.state_size", s.state);
  keys.count("ssm.group_count", s.groups);
  keys.count("ssm.inner_size", int64_t{s.heads} * s.head_dim);
  keys.count("ssm.time_step_rank", s.heads);
}

void add_experts(const Keys& keys, const MoeSpec& s) {
  keys.count("expert_count", s.experts);
  keys.count("expert_used_count", s.experts_per_token);
  keys.count("expert_shared_count", 1);
  keys.count("expert_group_count", s.groups);
  keys.count("expert_group_used_count", s.groups_kept);
  keys.count("expert_feed_forward_length", s.ffn);
  keys.count("expert_shared_feed_forward_length", s.shared_ffn);
  keys.add("expert_weights_norm", s.normalize);
  keys.add("expert_weights_scale", s.scale);
}

// What the converter writes whatever the model was made for: there are no positions that would limit it.
constexpr int kGgufContext = 1 << 20;

}  // namespace

std::vector<GgufKey> gguf_keys(const ModelSpec& spec, const HfConfig& config) {
  const auto* moe = first_of<MoeSpec>(spec);
  const std::string name = moe ? "nemotron_h_moe" : "nemotron_h";
  std::vector<GgufKey> list{{"general.architecture", name}};
  const Keys keys(name + ".", list);
  keys.count("block_count", int64_t(spec.blocks.size()));
  keys.count("context_length", kGgufContext);
  keys.count("embedding_length", spec.hidden);
  keys.count("vocab_size", spec.vocab);
  keys.add("feed_forward_length", PerBlock{spec}.numbers(FeedForward{}));
  keys.add("attention.head_count_kv", PerBlock{spec}.numbers(KvHeads{}));
  keys.add("attention.layer_norm_rms_epsilon", spec.norm_eps);
  keys.add("attention.layer_norm_epsilon", spec.norm_eps);
  keys.add("rope.scaling.finetuned", false);
  if (const auto base = config.find_number({"rope_theta"})) keys.add("rope.freq_base", float(*base));
  if (const auto* attention = first_of<AttentionSpec>(spec)) add_attention(keys, spec, *attention);
  if (const auto* mamba = first_of<Mamba2Spec>(spec)) add_mamba(keys, *mamba);
  if (moe) add_experts(keys, *moe);
  return list;
}

GgufPlace gguf_place(const ModelSpec& spec, const TensorSpec& tensor) {
  GgufPlace place{.name = gguf_name(tensor), .shape = tensor.shape(full_widths(spec))};
  switch (tensor.role) {
    case Role::conv_taps:
      place.shape = {place.shape.front(), place.shape.back()};
      break;
    case Role::decay_log:
    case Role::skip:
      place.shape.push_back(1);
      break;
    case Role::gated_norm: {
      const auto groups = uint64_t(std::get<Mamba2Spec>(spec.blocks.at(size_t(tensor.block))).groups);
      place.shape = {groups, place.shape.front() / groups};
      break;
    }
    case Role::expert_up:
    case Role::expert_down:
      if (!tensor.stacked())
        place.shape.insert(place.shape.begin(),
                           uint64_t(std::get<MoeSpec>(spec.blocks.at(size_t(tensor.block))).experts));
      break;
    default:
      break;
  }
  place.always_f32 = !is_linear(tensor.role) && tensor.role != Role::embedding && tensor.role != Role::head;
  place.negated_exponential = tensor.role == Role::decay_log;
  return place;
}

}  // namespace starnest::nemotron_h
