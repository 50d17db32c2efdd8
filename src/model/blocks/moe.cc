#include "model/blocks/moe.h"

#include "kernels/gather.h"
#include "kernels/group.h"
#include "kernels/matmul.h"

namespace starnest {

void Moe::forward(const Exec& exec, MatView<const float> u, MatView<float> y) const {
  const ScratchScope scratch(exec.arena);
  const size_t chosen = routing.experts_per_token;
  const MatView<float> logits = exec.arena.matrix(u.rows, gate.rows);
  const MatView<int32_t> ids{exec.arena.array<int32_t>(u.rows * chosen).data(), u.rows, chosen, chosen};
  const MatView<float> weights = exec.arena.matrix(u.rows, chosen);
  matmul(exec, u, gate, logits);  // l = W_gate u
  route(exec, logits, gate_bias, routing, ids, weights);

  const ExpertGroups groups = group_by_expert(exec, ids, weights, experts.size());
  shared.forward(exec, u, y);  // y = shared(u)
  for (size_t e = 0; e < experts.size(); ++e) {
    const std::span<const int32_t> rows = groups.rows_of(e);
    if (rows.empty()) continue;
    const ScratchScope expert_scratch(exec.arena);
    const MatView<float> in = exec.arena.matrix(rows.size(), u.cols);
    const MatView<float> out = exec.arena.matrix(rows.size(), u.cols);
    gather_rows(exec, u, rows, in);
    experts[e].forward(exec, in, out);
    scatter_add(exec, out, rows, groups.weights_of(e), y);  // y += w_e expert_e(u)
  }
}

}  // namespace starnest
