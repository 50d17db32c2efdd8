// The Mamba-2 block (Dao, Gu: Transformers are SSMs, 2024), with a gated RMSNorm per group.
#pragma once

#include <vector>

#include "kernels/batch.h"
#include "kernels/exec.h"
#include "kernels/packed_matrix.h"
#include "kernels/ssm_scan.h"

namespace starnest {

// Rows and columns of channels and heads lie in memory order; head m belongs to group m % groups. Vectors and taps are
// those of the largest resident size.
struct Mamba2 {
  PackedMatrix in_z, in_x;                                            // [channels, D]
  PackedMatrix in_bc;                                                 // [2*G*N, D], B above C
  PackedMatrix in_dt;                                                 // [M, D]
  VecView<const float> in_z_bias, in_x_bias, in_bc_bias, in_dt_bias;  // empty when the model has none
  MatView<const float> taps_x, taps_bc;                               // [channels or 2*G*N, W]
  VecView<const float> conv_bias_x, conv_bias_bc;                     // empty when the model has none
  VecView<const float> dt_bias, decay, skip;                          // [M]; decay = -exp(A_log)
  VecView<const float> norm;                                          // [channels]
  PackedMatrix out;                                                   // [D, channels]
  VecView<const float> out_bias;                                      // [D] or empty
  size_t groups = 0;
  size_t state = 0;  // N
  float norm_eps = 0;
  // By shells: widths, which channels belong to which head, and where the states begin (floats).
  std::vector<size_t> channels, heads, bc, hidden;
  std::vector<std::vector<HeadPiece>> pieces;
  std::vector<size_t> conv_x_at, conv_bc_at, ssm_at;  // [W-1, channels], [W-1, 2*G*N], [channels, N]

  // y = the block's output for u, both [>= T, >= D]; advances the states of all runs.
  void forward(const Exec& exec, const Batch& batch, MatView<const float> u, MatView<float> y) const;

 private:
  struct Projected {
    MatView<float> z, x, bc, dt;
  };
  Projected project(const Exec& exec, const Batch& batch, MatView<const float> u) const;
  // h = the heads' outputs; x, bc and dt are overwritten.
  void mix(const Exec& exec, const Batch& batch, const Projected& in, MatView<float> h) const;
};

}  // namespace starnest
