#include "model/blocks/mamba2.h"

#include <array>

#include "kernels/conv.h"
#include "kernels/elementwise.h"
#include "kernels/gated_norm.h"
#include "kernels/matmul.h"

namespace starnest {

Mamba2::Projected Mamba2::project(const Exec& exec, const Batch& batch, MatView<const float> u) const {
  const size_t T = batch.rows();
  const Projected p{exec.arena.matrix(T, in_z.rows()), exec.arena.matrix(T, in_x.rows()),
                    exec.arena.matrix(T, in_bc.rows()), exec.arena.matrix(T, in_dt.rows())};
  matmul(exec, batch, u,
         std::array{Product{in_z, p.z}, Product{in_x, p.x}, Product{in_bc, p.bc}, Product{in_dt, p.dt}});
  add_bias(exec, batch, channels, in_z_bias, p.z);
  add_bias(exec, batch, channels, in_x_bias, p.x);
  add_bias(exec, batch, bc, in_bc_bias, p.bc);
  add_bias(exec, batch, heads, in_dt_bias, p.dt);
  return p;
}

void Mamba2::mix(const Exec& exec, const Batch& batch, const Projected& in, MatView<float> h) const {
  const size_t BC = groups * state;
  softplus_add(exec, batch, heads, dt_bias, in.dt);  // dt <- softplus(dt + dt_bias)
  causal_conv_silu(exec, batch, channels, in.x, taps_x, conv_bias_x, conv_x_at, in.x);
  causal_conv_silu(exec, batch, bc, in.bc, taps_bc, conv_bias_bc, conv_bc_at, in.bc);  // x, B, C <- silu(conv(.))
  const SsmInputs inputs{.x = in.x,
                         .dt = in.dt,
                         .b = in.bc.col_range(0, BC),
                         .c = in.bc.col_range(BC, BC),
                         .decay = decay,
                         .skip = skip,
                         .groups = groups,
                         .state = state,
                         .channels = channels,
                         .heads = heads,
                         .states = ssm_at,
                         .pieces = pieces};
  ssm_scan(exec, batch, inputs, h);  // s <- exp(dt decay) s + dt x B';  h = s C + skip x
}

void Mamba2::forward(const Exec& exec, const Batch& batch, MatView<const float> u, MatView<float> y) const {
  const ScratchScope scratch(exec.arena);
  const Projected in = project(exec, batch, u);  // [z | x | B C | dt] = W_in u
  const MatView<float> h = exec.arena.matrix(batch.rows(), in_x.rows());
  mix(exec, batch, in, h);
  gated_norm(exec, batch, pieces, in.z, norm, norm_eps, groups, h);  // h <- norm(h * silu(z)), per group
  matmul(exec, batch, h, std::array{Product{out, y}});               // y = W_out h
  add_bias(exec, batch, hidden, out_bias, y);
}

}  // namespace starnest
