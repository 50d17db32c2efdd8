#include <algorithm>
#include <array>
#include <cmath>

#include "arch/nemotron_h/nemotron_h.h"
#include "base/text.h"
#include "starnest/error.h"

namespace starnest::nemotron_h {
namespace {

// Keys that older and newer configs spell differently.
constexpr std::string_view kPatternKey = "hybrid_override_pattern";
const KeyNames kLayerTypes{"layers_block_type", "layer_types"};
const KeyNames kNormEps{"layer_norm_epsilon", "norm_eps", "rms_norm_eps"};
const KeyNames kHeadDim{"head_dim", "attention_head_dim"};
const KeyNames kGroups{"n_groups", "mamba_n_groups"};
const KeyNames kConvWidth{"conv_kernel", "mamba_d_conv"};
const KeyNames kConvBias{"use_conv_bias", "mamba_conv_bias"};
const KeyNames kTimeStepLimit{"time_step_limit", "mamba_dt_limit"};
const KeyNames kExperts{"n_routed_experts", "num_local_experts"};

struct LayerType {
  char letter;
  std::string_view name;         // of newer writers
  std::string_view legacy_name;  // of older writers
};
constexpr std::array<LayerType, 4> kTypes{{{'M', "linear_attention", "mamba"},
                                           {'*', "full_attention", "attention"},
                                           {'-', "mlp", "mlp"},
                                           {'E', "moe", "moe"}}};

std::string pattern_from_types(const HfConfig& config, const std::vector<std::string>& names) {
  std::string pattern;
  for (const std::string& name : names) {
    const auto type = std::find_if(kTypes.begin(), kTypes.end(),
                                   [&](const LayerType& t) { return t.name == name || t.legacy_name == name; });
    if (type == kTypes.end())
      throw Error({.where = config.where(),
                   .what = "block type " + in_quotes(name) + " is not supported",
                   .expected = "linear_attention, full_attention, mlp or moe (or mamba, attention)"});
    pattern += type->letter;
  }
  return pattern;
}

std::string read_pattern(const HfConfig& config) {
  std::string pattern;
  if (const auto types = config.find_strings(kLayerTypes)) {
    pattern = pattern_from_types(config, *types);
  } else {
    pattern = config.require_string({kPatternKey, "layers_block_type", "layer_types"});
  }
  if (pattern.empty()) throw Error(config.where(), "the model has no blocks");
  const size_t wrong = pattern.find_first_not_of("M*-E");
  if (wrong != std::string::npos)
    throw Error({.where = config.where(),
                 .what = "block letter " + in_quotes(pattern.substr(wrong, 1)) + " at position " +
                         std::to_string(wrong) + " of the pattern is not supported",
                 .expected = "M, *, - or E"});
  constexpr size_t kMostBlocks = 1024;
  if (pattern.size() > kMostBlocks)
    throw Error({.where = config.where(),
                 .what = "the model has too many blocks",
                 .expected = "at most " + std::to_string(kMostBlocks),
                 .got = std::to_string(pattern.size())});
  const auto count = config.find_int({"num_hidden_layers"});
  if (count && size_t(*count) != pattern.size())
    throw Error({.where = config.where(),
                 .what = "key 'num_hidden_layers' does not fit the pattern",
                 .expected = std::to_string(pattern.size()),
                 .got = std::to_string(*count)});
  return pattern;
}

// One block of the config: where widths may differ from block to block, as a slice with lists writes them.
struct BlockReader {
  const HfConfig& config;
  size_t block, blocks;
  int width(KeyNames names) const { return config.require_block_int(names, block, blocks, 1); }
};

// A value that changes the equations and has no implementation is refused by name.
void require_value(const HfConfig& config, KeyNames names, bool matches, const char* supported) {
  if (matches) return;
  throw Error({.where = config.where(),
               .what = "key " + in_quotes(*names.begin()) + " has a value without an implementation",
               .expected = supported});
}

void refuse_what_is_not_implemented(const HfConfig& config) {
  const auto is_off = [&](KeyNames names) { return !config.find_bool(names).value_or(false); };
  require_value(config, {"mamba_hidden_act"}, config.find_string({"mamba_hidden_act"}).value_or("silu") == "silu",
                "silu");
  require_value(config, {"mlp_hidden_act"}, config.find_string({"mlp_hidden_act"}).value_or("relu2") == "relu2",
                "relu2");
  require_value(config, {"sliding_window"}, !config.has({"sliding_window"}), "null");
  require_value(config, {"attention_bias"}, is_off({"attention_bias"}), "false");
  require_value(config, {"moe_latent_size"}, !config.has({"moe_latent_size"}), "null");
  if (const auto limit = config.find_numbers(kTimeStepLimit))
    require_value(config, kTimeStepLimit, limit->size() == 2 && (*limit)[0] <= 0 && std::isinf((*limit)[1]),
                  "[0.0, Infinity]");
}

void require_multiple(const HfConfig& config, std::string_view key, int value, std::string_view of, int divisor) {
  if (value % divisor == 0) return;
  throw Error({.where = config.where(),
               .what = "key " + in_quotes(key) + " is not a multiple of " + in_quotes(of),
               .expected = "a multiple of " + std::to_string(divisor),
               .got = std::to_string(value)});
}

// Products of widths must stay far from the limits of int: the largest published dimension is below 2^18.
constexpr int64_t kMostIndices = int64_t{1} << 28;
void require_extent(const HfConfig& config, std::string_view what, int64_t extent) {
  if (extent <= kMostIndices) return;
  throw Error({.where = config.where(),
               .what = std::string(what) + " are too many",
               .expected = "at most " + std::to_string(kMostIndices),
               .got = std::to_string(extent)});
}

Mamba2Spec read_mamba2(const BlockReader& reader) {
  const HfConfig& config = reader.config;
  Mamba2Spec s;
  s.heads = reader.width({"mamba_num_heads"});
  s.head_dim = reader.width({"mamba_head_dim"});
  s.groups = config.require_int(kGroups, 1);
  s.state = config.require_int({"ssm_state_size"}, 1);
  s.conv_width = config.require_int(kConvWidth, 1);
  s.conv_bias = config.find_bool(kConvBias).value_or(true);
  s.proj_bias = config.find_bool({"use_bias", "mamba_proj_bias"}).value_or(false);
  require_multiple(config, "mamba_num_heads", s.heads, "n_groups", s.groups);
  const int64_t channels = int64_t{s.heads} * s.head_dim, shared = int64_t{s.groups} * s.state;
  require_extent(config, "channels (mamba_num_heads x mamba_head_dim)", channels);
  require_extent(config, "B and C (n_groups x ssm_state_size)", shared);
  require_extent(config, "rows of in_proj", 2 * channels + 2 * shared + s.heads);
  require_extent(config, "taps (conv_kernel)", s.conv_width);
  return s;
}

AttentionSpec read_attention(const BlockReader& reader) {
  const HfConfig& config = reader.config;
  AttentionSpec s;
  s.query_heads = reader.width({"num_attention_heads"});
  s.kv_heads = config.require_int({"num_key_value_heads"}, 1);
  s.head_dim = config.require_int(kHeadDim, 1);
  s.scale = 1.0f / std::sqrt(float(s.head_dim));
  require_multiple(config, "num_attention_heads", s.query_heads, "num_key_value_heads", s.kv_heads);
  require_extent(config, "query channels (num_attention_heads x head_dim)", int64_t{s.query_heads} * s.head_dim);
  return s;
}

MlpSpec read_mlp(const BlockReader& reader) {
  const HfConfig& config = reader.config;
  MlpSpec s{.ffn = reader.width({"intermediate_size"}), .bias = config.find_bool({"mlp_bias"}).value_or(false)};
  require_extent(config, "inner channels (intermediate_size)", s.ffn);
  return s;
}

MoeSpec read_moe(const BlockReader& reader) {
  const HfConfig& config = reader.config;
  MoeSpec s;
  s.experts = reader.width(kExperts);
  s.experts_per_token = config.require_int({"num_experts_per_tok"}, 1);
  s.ffn = reader.width({"moe_intermediate_size"});
  s.shared_ffn = reader.width({"moe_shared_expert_intermediate_size"});
  s.groups = config.find_int({"n_group"}).value_or(1);
  s.groups_kept = config.find_int({"topk_group"}).value_or(1);
  s.normalize = config.require_bool({"norm_topk_prob"});
  s.scale = float(config.require_number({"routed_scaling_factor"}));
  s.shared_bias = config.find_bool({"mlp_bias"}).value_or(false);
  require_value(config, {"n_shared_experts"}, config.find_int({"n_shared_experts"}).value_or(1) == 1, "1");
  if (s.experts_per_token > s.experts)
    throw Error({.where = config.where(),
                 .what = "key 'num_experts_per_tok' is larger than 'n_routed_experts'",
                 .expected = "at most " + std::to_string(s.experts),
                 .got = std::to_string(s.experts_per_token)});
  constexpr int kMostExperts = 1 << 16;
  if (s.experts > kMostExperts)
    throw Error({.where = config.where(),
                 .what = "key 'n_routed_experts' is too large",
                 .expected = "at most " + std::to_string(kMostExperts),
                 .got = std::to_string(s.experts)});
  require_extent(config, "expert channels (moe_intermediate_size)", s.ffn);
  require_extent(config, "shared channels (moe_shared_expert_intermediate_size)", s.shared_ffn);
  if (!std::isfinite(s.scale)) throw Error(config.where(), "key 'routed_scaling_factor' is not finite");
  if (s.groups < 1 || s.groups_kept < 1 || s.groups_kept > s.groups)
    throw Error({.where = config.where(),
                 .what = "keys 'n_group' and 'topk_group' do not fit together",
                 .expected = "1 <= topk_group <= n_group",
                 .got = std::to_string(s.groups_kept) + " of " + std::to_string(s.groups)});
  require_multiple(config, "n_routed_experts", s.experts, "n_group", s.groups);
  if (s.groups > 1 && s.experts / s.groups < 2)
    throw Error({.where = config.where(),
                 .what = "key 'n_group' leaves fewer than two experts in a group",
                 .expected = "at most " + std::to_string(s.experts / 2) + " groups",
                 .got = std::to_string(s.groups)});
  if (s.experts_per_token > s.experts / s.groups * s.groups_kept)
    throw Error({.where = config.where(),
                 .what = "key 'topk_group' leaves fewer experts than 'num_experts_per_tok'",
                 .expected = "at least " + std::to_string(s.experts_per_token),
                 .got = std::to_string(s.experts / s.groups * s.groups_kept)});
  return s;
}

}  // namespace

ModelSpec read(const HfConfig& config) {
  refuse_what_is_not_implemented(config);
  ModelSpec spec;
  spec.architecture = kModelType;
  spec.hidden = config.require_int({"hidden_size"}, 1);
  spec.vocab = config.require_int({"vocab_size"}, 1);
  spec.norm_eps = float(config.require_number(kNormEps));
  spec.tied_head = config.find_bool({"tie_word_embeddings"}).value_or(false);
  require_extent(config, "residual channels (hidden_size)", spec.hidden);
  require_extent(config, "tokens (vocab_size)", spec.vocab);
  if (!(spec.norm_eps > 0 && std::isfinite(spec.norm_eps)))
    throw Error({.where = config.where(),
                 .what = "key 'layer_norm_epsilon' is out of range",
                 .expected = "above 0",
                 .got = std::to_string(spec.norm_eps)});
  spec.max_context = std::max(0, config.find_int({"max_position_embeddings"}).value_or(0));
  for (const int id : config.find_ints({"eos_token_id"})) spec.eos_ids.push_back(id);
  const std::string pattern = read_pattern(config);
  for (size_t b = 0; b < pattern.size(); ++b) {
    const BlockReader reader{config, b, pattern.size()};
    switch (pattern[b]) {
      case 'M':
        spec.blocks.emplace_back(read_mamba2(reader));
        break;
      case '*':
        spec.blocks.emplace_back(read_attention(reader));
        break;
      case '-':
        spec.blocks.emplace_back(read_mlp(reader));
        break;
      default:
        spec.blocks.emplace_back(read_moe(reader));
        break;
    }
  }
  return spec;
}

namespace {

// Sets the key of an axis to the one width that all kept blocks share, or to a list with one entry per kept block.
void write_axis(HfConfig& config, KeyNames names, const Widths& widths, Axis axis, PerBlockWidths per_block) {
  std::vector<int> numbers;
  bool any = false;
  for (const BlockWidths& block : widths.blocks) {
    if (!block.kept) continue;
    numbers.push_back(block[axis]);
    any |= block[axis] != 0;
  }
  if (!any) return;  // every block of the kind is dropped: its key keeps the full width
  if (const auto width = widths.uniform(axis)) return config.set(names, *width);
  if (per_block == PerBlockWidths::allow) return config.set(names, numbers);
  throw Error({.where = config.where(),
               .what = "the size has different values of " + in_quotes(key_of(axis)) +
                       " in different blocks, which an ordinary config cannot say",
               .hint = "Run it in place, or write lists, which starnest alone can read (--allow-lists)"});
}

}  // namespace

void write_widths(HfConfig& config, const ModelSpec& spec, const Widths& widths, PerBlockWidths per_block) {
  config.set({"hidden_size"}, widths.hidden);
  const Widths full = full_widths(spec);
  for (const Axis axis : kDials) {
    const auto has = [axis](const BlockWidths& block) { return block[axis] != 0; };
    if (axis == Axis::hidden || std::none_of(full.blocks.begin(), full.blocks.end(), has)) continue;
    if (axis == Axis::experts)
      write_axis(config, kExperts, widths, axis, per_block);
    else
      write_axis(config, {key_of(axis)}, widths, axis, per_block);
  }
  // The published configs of models without dense blocks carry the expert width in intermediate_size too.
  const auto dense = full_widths(spec).uniform(Axis::ffn);
  const auto expert = full_widths(spec).uniform(Axis::moe_ffn);
  if (!dense && expert && widths.uniform(Axis::moe_ffn) && config.find_int({"intermediate_size"}) == expert)
    config.set({"intermediate_size"}, *widths.uniform(Axis::moe_ffn));

  if (widths.kept_blocks() == int(spec.blocks.size())) return;
  std::string pattern;
  std::vector<std::string> types;
  const auto old_types = config.find_strings(kLayerTypes);
  for (size_t b = 0; b < spec.blocks.size(); ++b) {
    if (!widths.blocks[b].kept) continue;
    pattern += letter_of(spec.blocks[b]);
    if (old_types) types.push_back((*old_types)[b]);
  }
  if (old_types) config.set(kLayerTypes, types);
  if (!old_types || config.has({kPatternKey})) config.set({kPatternKey}, pattern);
  if (config.has({"num_hidden_layers"})) config.set({"num_hidden_layers"}, int(pattern.size()));
}

}  // namespace starnest::nemotron_h
