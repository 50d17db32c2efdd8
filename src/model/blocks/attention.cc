#include "model/blocks/attention.h"

#include <array>

#include "kernels/attention.h"
#include "kernels/matmul.h"

namespace starnest {

void Attention::forward(const Exec& exec, MatView<const float> u, const Batch& batch, size_t block,
                        MatView<float> y) const {
  const ScratchScope scratch(exec.arena);
  const size_t T = batch.rows();
  const MatView<float> q = exec.arena.matrix(T, query.rows());
  const MatView<float> k = exec.arena.matrix(T, key.rows());
  const MatView<float> v = exec.arena.matrix(T, value.rows());
  const MatView<float> heads = exec.arena.matrix(T, query.rows());
  matmul(exec, u, batch.spans, std::array{Product{query, q}, Product{key, k}, Product{value, v}});  // q, k, v = W u
  for (const SequenceRun& run : batch.runs) {
    const KvView& kv = std::get<KvView>(run.blocks[block]);
    const auto rows = [&](MatView<float> m, const PackedMatrix& w) {
      return part(m, run.first_row, run.rows, w.first(run.size).rows());
    };
    kv_write(exec, rows(k, key), rows(v, value), run.position, kv);
    attention(exec, rows(q, query), kv, run.position, scale, rows(heads, query));  // heads = softmax(scale q k') v
  }
  matmul(exec, heads, batch.spans, std::array{Product{out, y}});  // y = W_o heads
}

}  // namespace starnest
