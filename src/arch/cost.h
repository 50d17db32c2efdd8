// What a family costs on disk, in memory and per token, for the formats in which such models are published.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "arch/tensors.h"
#include "nest/cost.h"

namespace starnest {

// How a tensor is stored, where costs are counted.
using EncodingOf = std::function<Encoding(const TensorSpec& tensor)>;

// In a published checkpoint whose linear layers are stored as `format`: in every format but f32 the expert router is
// F32; in fp8 and nvfp4 what default_preset leaves plain is BF16. `spec` must outlive it.
EncodingOf published_as(Encoding format, const ModelSpec& spec);

// What many sizes of one model cost.
class SizeCosts {
 public:
  SizeCosts(const ModelSpec& spec, const EncodingOf& encoding_of);
  Cost of(const Widths& widths) const;

 private:
  std::vector<TensorSpec> tensors_;
  std::vector<Encoding> encodings_;  // of each
};

Cost cost_of(const ModelSpec& spec, const Widths& widths, Encoding format);  // as published

// What one sequence carries, in elements; in bytes as BF16 engines keep it: the recurrent state in F32.
struct StateCost {
  uint64_t kv_per_token = 0;  // keys and values of all attention blocks
  uint64_t ssm = 0;           // recurrent state of all Mamba blocks
  uint64_t conv = 0;          // the W-1 last inputs of all convolutions

  uint64_t kv_bytes_per_token() const { return 2 * kv_per_token; }
  uint64_t ssm_bytes() const { return 4 * ssm; }
  uint64_t conv_bytes() const { return 2 * conv; }
  double bytes(double context) const {
    return context * double(kv_bytes_per_token()) + double(ssm_bytes() + conv_bytes());
  }
};
StateCost state_cost_of(const BlockSpec& full, const BlockWidths& widths);
StateCost state_cost_of(const ModelSpec& spec, const Widths& widths);

}  // namespace starnest
