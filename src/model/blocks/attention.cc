#include "model/blocks/attention.h"

#include <array>

#include "kernels/attention.h"
#include "kernels/matmul.h"

namespace starnest {

void Attention::forward(const Exec& exec, const Batch& batch, MatView<const float> u, MatView<float> y) const {
  const ScratchScope scratch(exec.arena);
  const size_t T = batch.rows();
  const MatView<float> q = exec.arena.matrix(T, query.rows());
  const MatView<float> k = exec.arena.matrix(T, key.rows());
  const MatView<float> v = exec.arena.matrix(T, value.rows());
  const MatView<float> mixed = exec.arena.matrix(T, query.rows());
  const KvLayout kv{kv_heads, head_dim, kv_dtype, kv_at, key_scale, value_scale};
  matmul(exec, batch, u, std::array{Product{query, q}, Product{key, k}, Product{value, v}});  // q, k, v = W u
  kv_write(exec, batch, kv, k, v);
  attention(exec, batch, kv, heads, q, scale, mixed);       // m = softmax(scale q k') v
  matmul(exec, batch, mixed, std::array{Product{out, y}});  // y = W_o m
}

}  // namespace starnest
