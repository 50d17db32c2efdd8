#include "model/blocks/mlp.h"

#include "kernels/elementwise.h"
#include "kernels/matmul.h"

namespace starnest {

void Mlp::forward(const Exec& exec, MatView<const float> u, MatView<float> y) const {
  const ScratchScope scratch(exec.arena);
  const MatView<float> inner = exec.arena.matrix(u.rows, up.rows);
  matmul(exec, u, up, inner);  // a = W_up u
  if (up_bias.size) add_bias(exec, up_bias, inner);
  activate(exec, Activation::relu2, inner);  // a <- relu(a)^2
  matmul(exec, inner, down, y);              // y = W_down a
  if (down_bias.size) add_bias(exec, down_bias, y);
}

}  // namespace starnest
