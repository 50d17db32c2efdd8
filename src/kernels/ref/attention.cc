#include "kernels/ref/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace starnest::ref {
namespace {

float* token_row(std::span<std::byte* const> blocks, size_t token, size_t width) {
  return reinterpret_cast<float*>(blocks[token / kKvBlock]) + token % kKvBlock * width;
}

}  // namespace

void kv_write(MatView<const float> k, MatView<const float> v, size_t position, const KvView& kv) {
  for (size_t t = 0; t < k.rows; ++t) {
    std::copy_n(k.row(t), k.cols, token_row(kv.keys, position + t, k.cols));
    std::copy_n(v.row(t), v.cols, token_row(kv.values, position + t, v.cols));
  }
}

// The softmax is taken in two passes here; the online form of cpu/ agrees with it to rounding.
void attention(MatView<const float> q, const KvView& kv, size_t position, float scale, MatView<float> y) {
  const size_t width = kv.kv_heads * kv.head_dim;
  for (size_t t = 0; t < q.rows; ++t)
    for (size_t h = 0; h < q.cols / kv.head_dim; ++h) {
      const float* query = q.row(t) + h * kv.head_dim;
      const size_t column = h % kv.kv_heads * kv.head_dim;
      std::vector<float> s(position + t + 1);
      float largest = -std::numeric_limits<float>::infinity();
      for (size_t j = 0; j < s.size(); ++j) {
        const float* key = token_row(kv.keys, j, width) + column;
        s[j] = 0;
        for (size_t i = 0; i < kv.head_dim; ++i) s[j] += query[i] * key[i];
        s[j] *= scale;
        largest = std::max(largest, s[j]);
      }
      float total = 0;
      for (float& p : s) total += p = std::exp(p - largest);
      for (size_t i = 0; i < kv.head_dim; ++i) {
        float sum = 0;
        for (size_t j = 0; j < s.size(); ++j) sum += s[j] * token_row(kv.values, j, width)[column + i];
        y(t, h * kv.head_dim + i) = sum / total;
      }
    }
}

}  // namespace starnest::ref
