// Causal attention of every sequence of a batch over its keys and values. Query head h reads kv head h % K.
//   s[j]   = scale * sum_i q[t,h,i] keys[j,h%K,i]          for j = 0 .. position + t
//   y[t,h] = sum_j softmax(s)[j] values[j,h%K]
//
// q, y   [>= T, >= H*Q]  f32, rows may be strided, head h at columns h*Q..; y must not overlap q
// k, v   [>= T, K*Q]     f32, rows may be strided
// heads  H by shells, multiples of K
// kv     the tokens of a sequence lie in blocks of kKvBlock; keys [kKvBlock][K*Q] begin at an offset of each block,
// then
//        come the values; f32, bf16 or f8_e4m3: written rounded to nearest even, read exactly. FP8 holds a number
//        divided by its scale, up to 448. Rows past the last token may hold anything, NaN included: they are never read
//        into a result.
//
// The softmax is taken online, block by block from position 0, in f32, so an output's order of sums depends on its
// position and Q only. Threads split runs, query heads and tokens. Takes scratch (2 floats for each token and head) and
// gives it back. Checked here: shapes and that every run has the blocks for its tokens (abort).
#pragma once

#include <cstddef>
#include <span>

#include "base/dtype.h"
#include "base/view.h"
#include "kernels/batch.h"
#include "kernels/exec.h"

namespace starnest {

inline constexpr size_t kKvBlock = 64;  // tokens per block

// Where one block of a model keeps its keys and values.
struct KvLayout {
  size_t kv_heads;                       // K
  size_t head_dim;                       // Q
  DType dtype;                           // f32, bf16 or f8_e4m3
  ByShells offsets;                      // bytes from the beginning of a KV block to the keys; by shells
  float key_scale = 1, value_scale = 1;  // of f8_e4m3; 1 otherwise

  size_t row() const { return kv_heads * head_dim; }                                     // K*Q numbers
  size_t values(size_t keys) const { return keys + kKvBlock * row() * size_of(dtype); }  // offset of the values
  size_t bytes() const { return 2 * kKvBlock * row() * size_of(dtype); }  // of keys and values in a block
};

inline constexpr bool is_kv_dtype(DType dtype) {
  return dtype == DType::f32 || dtype == DType::bf16 || dtype == DType::f8_e4m3;
}

// Rows of k and v become the tokens of their runs.
void kv_write(const Exec& exec, const Batch& batch, const KvLayout& kv, MatView<const float> k, MatView<const float> v);

// The tokens' own keys and values are already written.
void attention(const Exec& exec, const Batch& batch, const KvLayout& kv, ByShells heads, MatView<const float> q,
               float scale, MatView<float> y);

}  // namespace starnest
