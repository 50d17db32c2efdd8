// The squared-ReLU MLP: down(relu(up u)^2).
#pragma once

#include <vector>

#include "kernels/batch.h"
#include "kernels/exec.h"
#include "kernels/packed_matrix.h"

namespace starnest {

struct Mlp {
  PackedMatrix up;                          // [F, D]
  PackedMatrix down;                        // [D, F]
  VecView<const float> up_bias, down_bias;  // empty when the model has none
  std::vector<size_t> inner, hidden;        // F and D by shells

  // y = the output for u, both [>= T, >= D].
  void forward(const Exec& exec, const Batch& batch, MatView<const float> u, MatView<float> y) const;
};

}  // namespace starnest
