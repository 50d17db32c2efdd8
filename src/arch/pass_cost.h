// What one step costs that reads tokens at one or several sizes of a family: the yardstick of decoding, prefill and
// mixed batches.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "arch/cost.h"
#include "nest/sizes.h"

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
PassCost pass_cost_of(const ModelSpec& spec, const EncodingOf& encoding_of, std::span<const PassPart> parts);

// The same for many steps of one family: what its tensors come to is summed up once, so that a step costs a few
// operations for each of its parts.
class PassCosts {
 public:
  // `ascending`: the widths of nested sizes, from size 1.
  PassCosts(const ModelSpec& spec, const EncodingOf& encoding_of, std::span<const Widths* const> ascending);

  struct Part {
    size_t size = 1;
    uint64_t tokens = 1;
    uint64_t logits = 1;
  };
  PassCost of(std::vector<Part> parts) const;

 private:
  // The tensors that the same tokens need with the same chance at every size, as one.
  struct Group {
    bool head = false;     // of the model: needed for wanted logits only
    bool one_row = false;  // the input embedding
    struct AtSize {
      double share = 0;  // the chance that a token needs them; 0: not there
      double bytes = 0;  // of all; with one_row, of a token's row
      double flops = 0;  // of all, for one token
    };
    PerSize<AtSize> sizes;

    bool is_like(const Group& other) const;
    PassCost cost(std::span<const Part> largest_first) const;
  };
  std::vector<Group> groups_;
};

}  // namespace starnest
