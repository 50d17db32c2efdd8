// Causal attention over a key/value store in fixed blocks. Query head h reads kv head h % K.
//   s[j]   = scale * sum_i q[t,h,i] keys[j,h%K,i]          for j = 0 .. position + t
//   y[t,h] = sum_j softmax(s)[j] values[j,h%K]
//
// q, y  [T, H*Q]  f32, rows may be strided, head h at columns h*Q..; y must not overlap q
// k, v  [T, K*Q]  f32, rows may be strided
// kv    token p lies in block p / 64, row p % 64; each block is packed [64][K*Q], f32 or bf16: written rounded to
// nearest
//       even, read exactly. Rows past the last token may hold anything, NaN included: they are never read into a
//       result.
//
// The softmax is taken online, block by block from position 0, in f32, so an output's order of sums depends on its
// position and Q only. Threads split query heads and tokens. attention takes 2*T*H floats of scratch and gives them
// back. Checked here: shapes and that the blocks given reach position + T (abort).
#pragma once

#include <cstddef>
#include <span>

#include "base/dtype.h"
#include "base/view.h"
#include "kernels/exec.h"

namespace starnest {

inline constexpr size_t kKvBlock = 64;  // tokens per block

struct KvView {
  std::span<std::byte* const> keys;  // one pointer per block
  std::span<std::byte* const> values;
  size_t kv_heads;  // K
  size_t head_dim;  // Q
  DType dtype = DType::f32;
};

// Rows t of k and v become token position + t.
void kv_write(const Exec& exec, MatView<const float> k, MatView<const float> v, size_t position, const KvView& kv);

// Token t of q stands at position + t; its own key and value are already written.
void attention(const Exec& exec, MatView<const float> q, const KvView& kv, size_t position, float scale,
               MatView<float> y);

}  // namespace starnest
