// Causal grouped-query attention without positional encoding.
#pragma once

#include "kernels/exec.h"
#include "kernels/packed_matrix.h"
#include "model/batch.h"

namespace starnest {

// Query heads lie in memory order: head h reads KV head h % K.
struct Attention {
  PackedMatrix query;       // [H*Q, D]
  PackedMatrix key, value;  // [K*Q, D]
  PackedMatrix out;         // [D, H*Q]
  float scale = 0;
  size_t kv_heads = 0;  // K
  size_t head_dim = 0;  // Q

  // y = the block's output for u, both [T, D]; appends keys and values to the states of all runs.
  void forward(const Exec& exec, MatView<const float> u, const Batch& batch, size_t block, MatView<float> y) const;
};

}  // namespace starnest
