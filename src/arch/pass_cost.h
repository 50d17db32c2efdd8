// What one step costs that reads tokens at one or several sizes of a family: the yardstick of decoding, prefill and
// mixed batches.
#pragma once

#include <cstdint>
#include <span>

#include "arch/cost.h"

namespace starnest {

// The tokens that a step reads at one size.
struct PassPart {
  const Widths* widths = nullptr;
  uint64_t tokens = 1;
  uint64_t logits = 1;  // positions whose logits are wanted
};

struct PassCost {
  double bytes = 0;  // weights read when each is read once for all tokens that need it
  double flops = 0;  // of the matrix products; a multiply-add counts two
};

// Expected values, for tokens that choose their experts independently and every expert as often as any other: real
// routing is less even, so a real step reads somewhat less. For one token it is exact and equals
// Cost::decode_bytes_per_token. States, keys and values are not counted. The sizes are nested (one family).
PassCost pass_cost_of(const ModelSpec& spec, StoredFormat format, std::span<const PassPart> parts);

}  // namespace starnest
