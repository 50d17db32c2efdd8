#include "model/blocks/attention.h"

#include "kernels/attention.h"
#include "kernels/matmul.h"

namespace starnest {

void Attention::forward(const Exec& exec, MatView<const float> u, std::span<const SequenceRun> runs, size_t block,
                        MatView<float> y) const {
  const ScratchScope scratch(exec.arena);
  const MatView<float> q = exec.arena.matrix(u.rows, query.rows);
  const MatView<float> k = exec.arena.matrix(u.rows, key.rows);
  const MatView<float> v = exec.arena.matrix(u.rows, value.rows);
  const MatView<float> heads = exec.arena.matrix(u.rows, query.rows);
  matmul(exec, u, query, q);  // q = W_q u
  matmul(exec, u, key, k);    // k = W_k u
  matmul(exec, u, value, v);  // v = W_v u
  for (const SequenceRun& run : runs) {
    const KvView& kv = std::get<KvView>(run.blocks[block]);
    const auto rows = [&](MatView<float> m) { return m.row_range(run.first_row, run.rows); };
    kv_write(exec, rows(k), rows(v), run.position, kv);
    attention(exec, rows(q), kv, run.position, scale, rows(heads));  // heads = softmax(scale q k') v
  }
  matmul(exec, heads, out, y);  // y = W_o heads
}

}  // namespace starnest
