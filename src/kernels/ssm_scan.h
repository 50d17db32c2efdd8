// The selective state space recurrence of Mamba-2, over every sequence of a batch. Channel ch belongs to head m, which
// reads group g = m % G:
//   h[ch,n] <- exp(dt[t,m] decay[m]) h[ch,n] + dt[t,m] x[t,ch] b[t,g,n]
//   y[t,ch]  = sum_n c[t,g,n] h[ch,n] + skip[m] x[t,ch]
//
// x, y      [>= T, >= channels]  f32, rows may be strided; y must not be x
// dt        [>= T, >= M]         f32, after softplus
// b, c      [>= T, G*N]          f32, group g at columns g*N..
// decay     [>= M]               -exp(A_log)
// skip      [>= M]
// states    [channels, N]        packed at this offset of a run's state, updated
// pieces    runs of channels that belong to one head, in any order; channels in no piece are left alone
// channels, heads (M), states (floats) and pieces by shells.
//
// Everything in f32; the sum over n has one order that depends on N and the instruction set only, so T tokens in one
// call are bit-equal to any chunking. Threads split runs and channels. Takes T*M floats of scratch and gives them back.
// Checked here: shapes, pieces within range (abort). The caller ensures that pieces are disjoint.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/view.h"
#include "kernels/batch.h"
#include "kernels/exec.h"

namespace starnest {

// Channels begin .. begin + count belong to `head`. A head may own several pieces.
struct HeadPiece {
  size_t head;
  size_t begin;
  size_t count;
};

using PiecesByShells = std::span<const std::vector<HeadPiece>>;

struct SsmInputs {
  MatView<const float> x;
  MatView<const float> dt;
  MatView<const float> b;
  MatView<const float> c;
  VecView<const float> decay;
  VecView<const float> skip;
  size_t groups;  // G
  size_t state;   // N
  ByShells channels, heads, states;
  PiecesByShells pieces;
};

void ssm_scan(const Exec& exec, const Batch& batch, const SsmInputs& in, MatView<float> y);

}  // namespace starnest
