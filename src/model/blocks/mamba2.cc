#include "model/blocks/mamba2.h"

#include <array>

#include "kernels/conv.h"
#include "kernels/elementwise.h"
#include "kernels/gated_norm.h"
#include "kernels/matmul.h"
#include "model/blocks/linear.h"

namespace starnest {
Mamba2::Projected Mamba2::project(const Exec& exec, MatView<const float> u, std::span<const RowSpan> spans) const {
  const size_t T = rows_in(spans);
  const Projected p{exec.arena.matrix(T, in_z.rows()), exec.arena.matrix(T, in_x.rows()),
                    exec.arena.matrix(T, in_bc.rows()), exec.arena.matrix(T, in_dt.rows())};
  matmul(exec, u, spans,
         std::array{Product{in_z, p.z}, Product{in_x, p.x}, Product{in_bc, p.bc}, Product{in_dt, p.dt}});
  add_bias(exec, spans, in_z, in_z_bias, p.z);
  add_bias(exec, spans, in_x, in_x_bias, p.x);
  add_bias(exec, spans, in_bc, in_bc_bias, p.bc);
  add_bias(exec, spans, in_dt, in_dt_bias, p.dt);
  return p;
}

void Mamba2::advance(const Exec& exec, const Projected& in, const SequenceRun& run, const Mamba2State& state_of_run,
                     MatView<float> h) const {
  const size_t C = channels(run.size), M = heads(run.size), BC = groups * state;
  const auto rows = [&](MatView<float> m, size_t cols) { return part(m, run.first_row, run.rows, cols); };
  const MatView<float> x = rows(in.x, C), bc = rows(in.bc, 2 * BC), dt = rows(in.dt, M);
  softplus_add(exec, prefix(dt_bias, M), dt);  // dt <- softplus(dt + dt_bias)
  causal_conv_silu(exec, x, taps_x.row_range(0, C), prefix(conv_bias_x, C), state_of_run.conv_x, x);
  causal_conv_silu(exec, bc, taps_bc, conv_bias_bc, state_of_run.conv_bc, bc);  // x, B, C <- silu(conv(.))
  const SsmInputs inputs{.x = x,
                         .dt = dt,
                         .b = bc.col_range(0, BC),
                         .c = bc.col_range(BC, BC),
                         .decay = prefix(decay, M),
                         .skip = prefix(skip, M),
                         .groups = groups,
                         .state = state,
                         .pieces = pieces.at(run.size)};
  ssm_scan(exec, inputs, state_of_run.ssm, rows(h, C));  // s <- exp(dt decay) s + dt x B';  h = s C + skip x
}

void Mamba2::forward(const Exec& exec, MatView<const float> u, const Batch& batch, size_t block,
                     MatView<float> y) const {
  const ScratchScope scratch(exec.arena);
  const Projected in = project(exec, u, batch.spans);  // [z | x | B C | dt] = W_in u
  const MatView<float> h = exec.arena.matrix(batch.rows(), in_x.rows());
  for (const SequenceRun& run : batch.runs) advance(exec, in, run, std::get<Mamba2State>(run.blocks[block]), h);
  for_each_span(batch.spans, [&](size_t first, size_t rows, size_t size) {
    const size_t C = channels(size);  // h <- norm(h * silu(z)), per group
    gated_norm(exec, part(in.z, first, rows, C), prefix(norm, C), norm_eps, groups, pieces.at(size),
               part(h, first, rows, C));
  });
  matmul(exec, h, batch.spans, std::array{Product{out, y}});  // y = W_out h
  add_bias(exec, batch.spans, out, out_bias, y);
}

}  // namespace starnest
