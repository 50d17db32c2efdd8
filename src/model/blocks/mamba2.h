// The Mamba-2 block (Dao, Gu: Transformers are SSMs, 2024), with a gated RMSNorm per group.
#pragma once

#include <vector>

#include "kernels/exec.h"
#include "kernels/packed_matrix.h"
#include "kernels/ssm_scan.h"
#include "model/batch.h"
#include "nest/sizes.h"

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
  PerSize<std::vector<HeadPiece>> pieces;  // channels -> heads

  size_t channels(size_t size) const { return in_x.first(size).rows(); }
  size_t heads(size_t size) const { return in_dt.first(size).rows(); }

  // y = the block's output for u, both [T, D]; advances the states of all runs.
  void forward(const Exec& exec, MatView<const float> u, const Batch& batch, size_t block, MatView<float> y) const;

 private:
  struct Projected {
    MatView<float> z, x, bc, dt;
  };
  Projected project(const Exec& exec, MatView<const float> u, std::span<const RowSpan> spans) const;
  void advance(const Exec& exec, const Projected& in, const SequenceRun& run, const Mamba2State& state_of_run,
               MatView<float> h) const;
};

}  // namespace starnest
