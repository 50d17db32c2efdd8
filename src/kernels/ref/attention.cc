#include "kernels/ref/attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace starnest::ref {
namespace {

std::byte* token_row(const KvView& kv, std::span<std::byte* const> blocks, size_t token) {
  return blocks[token / kKvBlock] + token % kKvBlock * kv.kv_heads * kv.head_dim * size_of(kv.dtype);
}

void write_row(const KvView& kv, const float* numbers, std::byte* row) {
  const size_t width = kv.kv_heads * kv.head_dim;
  if (kv.dtype == DType::f32)
    std::memcpy(row, numbers, width * sizeof(float));
  else
    std::transform(numbers, numbers + width, reinterpret_cast<bf16*>(row), to_bf16);
}

}  // namespace

void kv_write(MatView<const float> k, MatView<const float> v, size_t position, const KvView& kv) {
  for (size_t t = 0; t < k.rows; ++t) {
    write_row(kv, k.row(t), token_row(kv, kv.keys, position + t));
    write_row(kv, v.row(t), token_row(kv, kv.values, position + t));
  }
}

// The softmax is taken in two passes here; the online form of cpu/ agrees with it to rounding.
void attention(MatView<const float> q, const KvView& kv, size_t position, float scale, MatView<float> y) {
  for (size_t t = 0; t < q.rows; ++t)
    for (size_t h = 0; h < q.cols / kv.head_dim; ++h) {
      const float* query = q.row(t) + h * kv.head_dim;
      const size_t column = h % kv.kv_heads * kv.head_dim;
      std::vector<float> s(position + t + 1);
      float largest = -std::numeric_limits<float>::infinity();
      for (size_t j = 0; j < s.size(); ++j) {
        const std::byte* key = token_row(kv, kv.keys, j);
        s[j] = 0;
        for (size_t i = 0; i < kv.head_dim; ++i) s[j] += query[i] * load_f32(kv.dtype, key, column + i);
        s[j] *= scale;
        largest = std::max(largest, s[j]);
      }
      float total = 0;
      for (float& p : s) total += p = std::exp(p - largest);
      for (size_t i = 0; i < kv.head_dim; ++i) {
        float sum = 0;
        for (size_t j = 0; j < s.size(); ++j) sum += s[j] * load_f32(kv.dtype, token_row(kv, kv.values, j), column + i);
        y(t, h * kv.head_dim + i) = sum / total;
      }
    }
}

}  // namespace starnest::ref
