// A model as data: its dimensions and the list of its blocks. Everything that differs between architectures ends here.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/dims.h"
#include "nest/dials.h"

namespace starnest {

// Widths below are those of the full model.

// A dial of a kind of block: which member of its spec a size can shorten. Whatever nesting needs to know of a block
// follows from the table of its dials: full and narrowed specs, groups, segments of tensors, checks of a size.
template <class Spec>
struct DialMember {
  Axis axis;
  int Spec::* width;               // units over all groups
  int Spec::* groups = nullptr;    // keep an equal number of units each; none: one group
  int Spec::* channels = nullptr;  // that each unit owns, next to one another; none: one
  bool contracted = true;          // Dial::contracted
};

struct Mamba2Spec {
  int heads = 0;       // M
  int head_dim = 0;    // P
  int groups = 0;      // G; heads are divided evenly
  int state = 0;       // N
  int conv_width = 0;  // W, taps
  bool conv_bias = true;
  bool proj_bias = false;  // on in_proj and out_proj

  static constexpr auto dials() {
    return std::array{
        DialMember<Mamba2Spec>{Axis::mamba_heads, &Mamba2Spec::heads, &Mamba2Spec::groups, &Mamba2Spec::head_dim},
        DialMember<Mamba2Spec>{Axis::mamba_head_dim, &Mamba2Spec::head_dim}};
  }
};

// Causal attention without positional encoding.
struct AttentionSpec {
  int query_heads = 0;  // H
  int kv_heads = 0;     // K; divides H
  int head_dim = 0;     // Q
  float scale = 0;      // of the scores, usually 1 / sqrt(Q)

  static constexpr auto dials() {
    return std::array{DialMember<AttentionSpec>{Axis::query_heads, &AttentionSpec::query_heads,
                                                &AttentionSpec::kv_heads, &AttentionSpec::head_dim}};
  }
};

// down(relu(up x)^2)
struct MlpSpec {
  int ffn = 0;  // F
  bool bias = false;

  static constexpr auto dials() { return std::array{DialMember<MlpSpec>{Axis::ffn, &MlpSpec::ffn}}; }
};

// Sigmoid-scored experts, each down(relu(up x)^2), and one shared expert.
struct MoeSpec {
  int experts = 0;            // E
  int experts_per_token = 0;  // J
  int ffn = 0;                // F of a routed expert
  int shared_ffn = 0;         // F of the shared expert
  int groups = 1;             // of experts; routing keeps the best groups_kept
  int groups_kept = 1;
  bool normalize = true;  // chosen scores divided by their sum
  float scale = 1;        // of the chosen scores
  bool shared_bias = false;

  static constexpr auto dials() {
    return std::array{DialMember<MoeSpec>{Axis::moe_ffn, &MoeSpec::ffn},
                      DialMember<MoeSpec>{Axis::shared_ffn, &MoeSpec::shared_ffn},
                      DialMember<MoeSpec>{.axis = Axis::experts, .width = &MoeSpec::experts, .contracted = false}};
  }
};

using BlockSpec = std::variant<Mamba2Spec, AttentionSpec, MlpSpec, MoeSpec>;

// 'M', '*', '-' or 'E', the letters of hybrid_override_pattern.
char letter_of(const BlockSpec& block);
std::string pattern_of(const std::vector<BlockSpec>& blocks);

struct ModelSpec {
  std::string architecture;  // model_type of config.json
  int hidden = 0;            // D
  int vocab = 0;             // V
  float norm_eps = 1e-5f;    // of every RMSNorm, the gated one included
  bool tied_head = false;    // the head is the embedding table
  int max_context = 0;       // tokens the model was made for; 0 when the config does not say
  std::vector<BlockSpec> blocks;
  std::vector<TokenId> eos_ids;  // from config.json; generation_config.json has precedence
};

Dials dials_of(const BlockSpec& block);
// A dial of block `block`; -1 has the residual channels alone.
Dial dial_of(const ModelSpec& spec, int block, Axis axis);

// Widths of the full model.
Widths full_widths(const ModelSpec& spec);

// The block as a size has it that keeps these widths.
BlockSpec narrowed(BlockSpec block, const BlockWidths& widths);
// The model that a size is by itself: its blocks alone, at its widths.
ModelSpec narrowed(const ModelSpec& spec, const Widths& widths);

}  // namespace starnest
