#include "model/blocks/mamba2.h"

#include "kernels/conv.h"
#include "kernels/elementwise.h"
#include "kernels/gated_norm.h"
#include "kernels/matmul.h"

namespace starnest {
namespace {

MatView<float> project(const Exec& exec, MatView<const float> u, const WeightView& weight, VecView<const float> bias) {
  const MatView<float> p = exec.arena.matrix(u.rows, weight.rows);
  matmul(exec, u, weight, p);
  if (bias.size) add_bias(exec, bias, p);
  return p;
}

}  // namespace

void Mamba2::forward(const Exec& exec, MatView<const float> u, std::span<const SequenceRun> runs, size_t block,
                     MatView<float> y) const {
  const ScratchScope scratch(exec.arena);
  const MatView<float> z = project(exec, u, in_z, in_z_bias);
  const MatView<float> x = project(exec, u, in_x, in_x_bias);
  const MatView<float> bc = project(exec, u, in_bc, in_bc_bias);
  const MatView<float> dt = project(exec, u, in_dt, in_dt_bias);  // [z | x | B C | dt] = W_in u
  const MatView<float> h = exec.arena.matrix(u.rows, x.cols);

  softplus_add(exec, dt_bias, dt);  // dt <- softplus(dt + dt_bias)
  for (const SequenceRun& run : runs) {
    const Mamba2State& state_of_run = std::get<Mamba2State>(run.blocks[block]);
    const auto rows = [&](MatView<float> m) { return m.row_range(run.first_row, run.rows); };
    causal_conv_silu(exec, rows(x), taps_x, conv_bias_x, state_of_run.conv_x, rows(x));  // x  <- silu(conv(x))
    causal_conv_silu(exec, rows(bc), taps_bc, conv_bias_bc, state_of_run.conv_bc, rows(bc));
    const SsmInputs in{.x = rows(x),
                       .dt = rows(dt),
                       .b = rows(bc).col_range(0, groups * state),
                       .c = rows(bc).col_range(groups * state, groups * state),
                       .decay = decay,
                       .skip = skip,
                       .groups = groups,
                       .state = state,
                       .pieces = pieces};
    ssm_scan(exec, in, state_of_run.ssm, rows(h));  // s <- exp(dt decay) s + dt x B';  h = s C + skip x
  }
  gated_norm(exec, z, norm, norm_eps, groups, pieces, h);  // h <- norm(h * silu(z)), per group
  matmul(exec, h, out, y);                                 // y = W_out h
  if (out_bias.size) add_bias(exec, out_bias, y);
}

}  // namespace starnest
