#include "model/blocks/mlp.h"

#include <array>

#include "kernels/elementwise.h"
#include "kernels/matmul.h"

namespace starnest {

void Mlp::forward(const Exec& exec, const Batch& batch, MatView<const float> u, MatView<float> y) const {
  const ScratchScope scratch(exec.arena);
  const MatView<float> a = exec.arena.matrix(batch.rows(), up.rows());
  matmul(exec, batch, u, std::array{Product{up, a}});  // a = W_up u
  add_bias(exec, batch, inner, up_bias, a);
  activate(exec, batch, inner, Activation::relu2, a);    // a <- relu(a)^2
  matmul(exec, batch, a, std::array{Product{down, y}});  // y = W_down a
  add_bias(exec, batch, hidden, down_bias, y);
}

}  // namespace starnest
