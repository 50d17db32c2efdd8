// The squared-ReLU MLP: down(relu(up u)^2).
#pragma once

#include "kernels/exec.h"
#include "kernels/packed_matrix.h"
#include "model/batch.h"

namespace starnest {

struct Mlp {
  PackedMatrix up;                          // [F, D]
  PackedMatrix down;                        // [D, F]
  VecView<const float> up_bias, down_bias;  // empty when the model has none

  // y = the output for u, both [T, D].
  void forward(const Exec& exec, MatView<const float> u, std::span<const RowSpan> spans, MatView<float> y) const;
};

}  // namespace starnest
