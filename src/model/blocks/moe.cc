#include "model/blocks/moe.h"

#include <array>

#include "kernels/elementwise.h"
#include "kernels/expert_matmul.h"
#include "kernels/gather.h"
#include "kernels/matmul.h"

namespace starnest {

Moe::Chosen Moe::choose(const Exec& exec, const Batch& batch, MatView<const float> u) const {
  const size_t T = batch.rows(), J = routing.experts_per_token;
  const MatView<float> logits = exec.arena.matrix(T, gate.rows());
  const Chosen chosen{{exec.arena.array<int32_t>(T * J).data(), T, J, J}, exec.arena.matrix(T, J)};
  matmul(exec, batch, u, std::array{Product{gate, logits}});  // l = W_gate u
  route(exec, batch, experts, logits, gate_bias, routing, chosen.ids, chosen.weights);
  return chosen;
}

MatView<float> Moe::run_experts(const Exec& exec, const Batch& batch, MatView<const float> u,
                                const ExpertGroups& groups) const {
  const MatView<float> a = exec.arena.matrix(groups.rows.size(), up.front().rows());
  const MatView<float> out = exec.arena.matrix(groups.rows.size(), down.front().rows());
  const RowSpan slots{groups.rows.size(), batch.shells()};  // in no order of sizes: each as wide as the widest
  expert_matmul(exec, batch, u, ExpertInput::tokens, groups, up, a);  // a = W_up,e u
  activate(exec, {{&slots, 1}}, inner, Activation::relu2, a);         // a <- relu(a)^2
  expert_matmul(exec, batch, a, ExpertInput::slots, groups, down, out);
  return out;
}

void Moe::forward(const Exec& exec, const Batch& batch, MatView<const float> u, MatView<float> y) const {
  const ScratchScope scratch(exec.arena);
  const Chosen chosen = choose(exec, batch, u);
  shared.forward(exec, batch, u, y);  // y = shared(u)
  const ExpertGroups groups = group_by_expert(exec, chosen.ids, up.size());
  const MatView<float> out = run_experts(exec, batch, u, groups);
  gather_add(exec, batch, hidden, out, groups.slots, chosen.weights, y);  // y += w_e expert_e(u)
}

}  // namespace starnest
