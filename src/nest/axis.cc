#include "nest/axis.h"

namespace starnest {
namespace {

// In the order of enum Axis.
constexpr std::array<std::string_view, kAxes> kKeys{"none",
                                                    "hidden_size",
                                                    "intermediate_size",
                                                    "moe_intermediate_size",
                                                    "moe_shared_expert_intermediate_size",
                                                    "n_routed_experts",
                                                    "mamba_num_heads",
                                                    "mamba_head_dim",
                                                    "num_attention_heads"};

}  // namespace

std::string_view key_of(Axis axis) { return kKeys[size_t(axis)]; }

std::optional<Axis> axis_with_key(std::string_view key) {
  for (const Axis axis : kDials)
    if (key_of(axis) == key) return axis;
  return std::nullopt;
}

}  // namespace starnest
