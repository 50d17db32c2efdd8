// What a family costs on disk, in memory and per token, for the formats in which such models are published.
#pragma once

#include <cstdint>
#include <string_view>

#include "arch/tensors.h"
#include "nest/cost.h"

namespace starnest {

enum class StoredFormat { f32, bf16, fp8, nvfp4 };
std::string_view name_of(StoredFormat format);

// How a tensor is stored in a published checkpoint of a format: in every format but f32 the expert router is F32; in
// fp8 and nvfp4 embeddings, head, norms, convolution, attention and the Mamba block right before each attention block
// stay BF16 (the exclude list of Nemotron 3 Nano).
Encoding encoding_of(const ModelSpec& spec, const TensorSpec& tensor, StoredFormat format);

Cost cost_of(const ModelSpec& spec, const Widths& widths, StoredFormat format);

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
