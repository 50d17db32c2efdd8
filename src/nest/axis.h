// The axes: the dials that a size can turn.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace starnest {

// Depth is not here: it is the list of blocks that a size keeps (Widths::kept).
enum class Axis {
  none,            // never shortened
  hidden,          // residual channels, one number for the whole model
  ffn,             // inner channels of a dense MLP
  moe_ffn,         // inner channels of a routed expert
  shared_ffn,      // inner channels of the shared expert
  experts,         // routed experts
  mamba_heads,     // Mamba heads, an equal number in every group
  mamba_head_dim,  // channels of a Mamba head
  query_heads,     // query heads, an equal number for every KV head
};

inline constexpr size_t kAxes = 9;
inline constexpr std::array<Axis, 8> kDials{Axis::hidden,  Axis::ffn,         Axis::moe_ffn,        Axis::shared_ffn,
                                            Axis::experts, Axis::mamba_heads, Axis::mamba_head_dim, Axis::query_heads};

// The name of an axis in config.json and elastic.json, e.g. "moe_intermediate_size".
std::string_view key_of(Axis axis);
std::optional<Axis> axis_with_key(std::string_view key);

// Consecutive cuts of a contraction must not split a quantised block.
inline constexpr int kContractionMultiple = 16;

}  // namespace starnest
