// Causal grouped-query attention without positional encoding.
#pragma once

#include "kernels/exec.h"
#include "kernels/weight.h"
#include "model/batch.h"

namespace starnest {

// Views of one size. Query heads lie in memory order: head h reads KV head h % K.
struct Attention {
  WeightView query;       // [H*Q, D]
  WeightView key, value;  // [K*Q, D]
  WeightView out;         // [D, H*Q]
  float scale = 0;
  size_t kv_heads = 0;  // K
  size_t head_dim = 0;  // Q

  // y = the block's output for u, both [T, D]; appends keys and values to the states of all runs.
  void forward(const Exec& exec, MatView<const float> u, std::span<const SequenceRun> runs, size_t block,
               MatView<float> y) const;
};

}  // namespace starnest
