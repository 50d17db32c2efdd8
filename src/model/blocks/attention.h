// Causal grouped-query attention without positional encoding.
#pragma once

#include <vector>

#include "base/dtype.h"
#include "kernels/batch.h"
#include "kernels/exec.h"
#include "kernels/packed_matrix.h"

namespace starnest {

// Query heads lie in memory order: head h reads KV head h % K.
struct Attention {
  PackedMatrix query;       // [H*Q, D]
  PackedMatrix key, value;  // [K*Q, D]
  PackedMatrix out;         // [D, H*Q]
  float scale = 0;
  size_t kv_heads = 0;  // K
  size_t head_dim = 0;  // Q
  DType kv_dtype = DType::f32;
  float key_scale = 1, value_scale = 1;  // of FP8 keys and values
  std::vector<size_t> heads;             // H by shells
  std::vector<size_t> kv_at;             // where its keys and values begin in a KV block, bytes, by shells

  // y = the block's output for u, both [>= T, >= D]; appends keys and values to the states of all runs.
  void forward(const Exec& exec, const Batch& batch, MatView<const float> u, MatView<float> y) const;
};

}  // namespace starnest
