#include "model/blocks/mlp.h"

#include <array>

#include "kernels/elementwise.h"
#include "kernels/matmul.h"
#include "model/blocks/linear.h"

namespace starnest {

void Mlp::forward(const Exec& exec, MatView<const float> u, std::span<const RowSpan> spans, MatView<float> y) const {
  const ScratchScope scratch(exec.arena);
  const MatView<float> inner = exec.arena.matrix(rows_in(spans), up.rows());
  matmul(exec, u, spans, std::array{Product{up, inner}});  // a = W_up u
  add_bias(exec, spans, up, up_bias, inner);
  for_each_span(spans, [&](size_t first, size_t rows, size_t size) {
    activate(exec, Activation::relu2, part(inner, first, rows, up.first(size).rows()));  // a <- relu(a)^2
  });
  matmul(exec, inner, spans, std::array{Product{down, y}});  // y = W_down a
  add_bias(exec, spans, down, down_bias, y);
}

}  // namespace starnest
