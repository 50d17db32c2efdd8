// What a size costs: parameters, bytes on disk, weight bytes read per decoded token. Pure arithmetic over the tensors.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/encoding.h"
#include "nest/segments.h"

namespace starnest {

// When a tensor is read while one token is decoded.
enum class Use {
  always,   // whole, for every token
  one_row,  // the input embedding
  routed,   // a share: `chosen` of the kept experts
};

// A tensor of the full model, as far as nesting is concerned.
struct NestedTensor {
  int block = -1;   // -1: belongs to no block
  int expert = -1;  // number of the routed expert whose own matrix this is, or -1
  Use use = Use::always;
  int chosen = 0;               // experts per token, where the use is routed
  std::vector<Dimension> dims;  // outermost first

  bool present(const Widths& widths) const;  // false in a dropped block and for a dropped expert
  std::vector<uint64_t> shape(const Widths& widths) const;
  uint64_t elements(const Widths& widths) const;
};

// Of a tensor in a checkpoint. Quantised ones have a second F32 scale, that of the input.
uint64_t stored_bytes(Encoding encoding, uint64_t elements);

struct CostedTensor {
  const NestedTensor* tensor = nullptr;
  Encoding encoding = Encoding::bf16;
};

struct Cost {
  uint64_t parameters = 0;
  uint64_t active_parameters = 0;       // the input embedding counts whole, experts by their share
  uint64_t bytes = 0;                   // of tensor data
  uint64_t decode_bytes_per_token = 0;  // weights read for one token at batch 1
};

Cost cost_of(std::span<const CostedTensor> tensors, const Widths& widths);

}  // namespace starnest
