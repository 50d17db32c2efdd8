// The recurrence of Mamba-2 over whole sequences, in chunks.
#pragma once

#include <torch/torch.h>

namespace starnest::train {

using torch::Tensor;

struct ScanOptions {
  Tensor segments = {};  // [R, T] as in Sequences: the state is 0 before the first token of each; may be undefined
  int64_t chunk = 64;    // tokens; sequences up to this long are one chunk
};

//   h_t = exp(dt_t decay) h_{t-1} + dt_t x_t B_t'        y_t = h_t C_t,  h_0 = 0
// x [R, T, M, P] (R sequences), dt [R, T, M] after softplus, decay [M] < 0, B and C [R, T, G, N]; head m reads group
// m / (M/G). Returns y [R, T, M, P]; the skip term is the caller's.
//
// Exact for any chunk length: inside a chunk, y_i = sum_{j <= i} (C_i . B_j) exp(c_i - c_j) dt_j x_j with
// c = cumsum(dt decay); from chunk to chunk the state is carried on. The only loop is over chunks. Gradients by
// autograd.
Tensor ssm_scan(const Tensor& x, const Tensor& dt, const Tensor& decay, const Tensor& B, const Tensor& C,
                const ScanOptions& options = {});

}  // namespace starnest::train
