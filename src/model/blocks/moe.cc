#include "model/blocks/moe.h"

#include <array>

#include "kernels/elementwise.h"
#include "kernels/expert_matmul.h"
#include "kernels/gather.h"
#include "kernels/matmul.h"
#include "model/blocks/linear.h"

namespace starnest {

Moe::Chosen Moe::choose(const Exec& exec, MatView<const float> u, std::span<const RowSpan> spans) const {
  const size_t T = rows_in(spans), J = routing.experts_per_token;
  const MatView<float> logits = exec.arena.matrix(T, gate.rows());
  const Chosen chosen{{exec.arena.array<int32_t>(T * J).data(), T, J, J}, exec.arena.matrix(T, J)};
  matmul(exec, u, spans, std::array{Product{gate, logits}});  // l = W_gate u
  for_each_span(spans, [&](size_t first, size_t rows, size_t size) {
    const size_t E = gate.first(size).rows();  // a size chooses among its own experts
    route(exec, part(logits, first, rows, E), prefix(gate_bias, E), routing, chosen.ids.row_range(first, rows),
          chosen.weights.row_range(first, rows));
  });
  return chosen;
}

MatView<float> Moe::run_experts(const Exec& exec, MatView<const float> u, std::span<const RowSpan> spans,
                                const ExpertGroups& groups) const {
  const MatView<float> inner = exec.arena.matrix(groups.rows.size(), up.front().rows());
  const MatView<float> out = exec.arena.matrix(groups.rows.size(), down.front().rows());
  expert_matmul(exec, u, ExpertInput::tokens, groups, spans, up, inner);  // a = W_up,e u
  activate(exec, Activation::relu2, inner);                               // a <- relu(a)^2
  expert_matmul(exec, inner, ExpertInput::slots, groups, spans, down, out);
  return out;
}

void Moe::forward(const Exec& exec, MatView<const float> u, std::span<const RowSpan> spans, MatView<float> y) const {
  const ScratchScope scratch(exec.arena);
  const Chosen chosen = choose(exec, u, spans);
  shared.forward(exec, u, spans, y);  // y = shared(u)
  const ExpertGroups groups = group_by_expert(exec, chosen.ids, up.size());
  const MatView<float> out = run_experts(exec, u, spans, groups);
  for_each_span(spans, [&](size_t first, size_t rows, size_t size) {
    gather_add(exec, out, groups.slots.row_range(first, rows), chosen.weights.row_range(first, rows),
               part(y, first, rows, gate.first(size).cols()));  // y += w_e expert_e(u)
  });
}

}  // namespace starnest
