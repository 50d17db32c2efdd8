#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/ref/ops.h"

namespace starnest::ref {
namespace {

// The keys and values of one sequence.
struct Store {
  const KvLayout& kv;
  const SequenceRun& run;

  std::byte* key(size_t token) const { return row(token, kv.offsets[run.shells - 1]); }
  std::byte* value(size_t token) const { return row(token, kv.values(kv.offsets[run.shells - 1])); }

 private:
  std::byte* row(size_t token, size_t offset) const {
    return run.kv[token / kKvBlock] + offset + token % kKvBlock * kv.row() * size_of(kv.dtype);
  }
};

void write_row(DType dtype, const float* numbers, float scale, size_t width, std::byte* row) {
  for (size_t i = 0; i < width; ++i) {
    const bf16 narrow = to_bf16(numbers[i]);
    if (dtype == DType::f32)
      std::memcpy(row + i * sizeof(float), numbers + i, sizeof(float));
    else if (dtype == DType::bf16)
      std::memcpy(row + i * sizeof(bf16), &narrow, sizeof(bf16));
    else
      row[i] = std::byte{to_e4m3(numbers[i] / scale)};
  }
}

// One query head over the tokens 0 .. s.size - 1; `column` is where its kv head begins. The softmax is taken in two
// passes: the online form agrees with it to rounding.
void attend(const Store& store, const float* query, size_t column, float scale, VecView<float> s, float* y) {
  const auto [kv, run] = store;
  float largest = -std::numeric_limits<float>::infinity();
  for (size_t j = 0; j < s.size; ++j) {
    s[j] = 0;
    for (size_t i = 0; i < kv.head_dim; ++i) s[j] += query[i] * load_f32(kv.dtype, store.key(j), column + i);
    s[j] *= scale * kv.key_scale;
    largest = std::max(largest, s[j]);
  }
  float total = 0;
  for (size_t j = 0; j < s.size; ++j) total += s[j] = std::exp(s[j] - largest);
  for (size_t i = 0; i < kv.head_dim; ++i) {
    float sum = 0;
    for (size_t j = 0; j < s.size; ++j) sum += s[j] * load_f32(kv.dtype, store.value(j), column + i);
    y[i] = sum / total * kv.value_scale;
  }
}

}  // namespace

void kv_write(const Exec&, const Batch& batch, const KvLayout& kv, MatView<const float> k, MatView<const float> v) {
  for (const SequenceRun& run : batch.runs)
    for (size_t t = 0; t < run.rows; ++t) {
      write_row(kv.dtype, k.row(run.first_row + t), kv.key_scale, kv.row(), Store{kv, run}.key(run.position + t));
      write_row(kv.dtype, v.row(run.first_row + t), kv.value_scale, kv.row(), Store{kv, run}.value(run.position + t));
    }
}

void attention(const Exec& exec, const Batch& batch, const KvLayout& kv, ByShells heads, MatView<const float> q,
               float scale, MatView<float> y) {
  for (const SequenceRun& run : batch.runs) {
    const ScratchScope scope(exec.arena);
    const VecView<float> scores = exec.arena.vector(run.position + run.rows);
    for (size_t t = 0; t < run.rows; ++t)
      for (size_t h = 0; h < heads[run.shells - 1]; ++h)
        attend({kv, run}, q.row(run.first_row + t) + h * kv.head_dim, h % kv.kv_heads * kv.head_dim, scale,
               {scores.data, run.position + t + 1}, y.row(run.first_row + t) + h * kv.head_dim);
  }
}

}  // namespace starnest::ref
