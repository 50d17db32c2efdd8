// The letters for dimensions, used in every comment, test and document. Letters in formulas and local variables,
// words in struct fields. A bare name is the width in use; the width of the full model says so (full.hidden).
//
//   T tokens          tokens in this call              M mamba_heads     Mamba heads
//   D hidden          residual width                   P mamba_head_dim  width of a Mamba head
//   H query_heads     query heads                      N ssm_state       SSM state per channel
//   K kv_heads        key/value heads                  G ssm_groups      groups that share B and C
//   Q head_dim        width of an attention head       W conv_width      taps of the causal convolution
//   E experts         routed experts                   F ffn             inner width of an MLP or an expert
//   J experts_per_token                                V vocab           vocabulary
//                                                      L layers          blocks
//
// Mamba's vectors A and D are called decay and skip, since D is taken.
#pragma once

#include <cstdint>

namespace starnest {

using TokenId = int32_t;

}  // namespace starnest
