#include "kernels/ref/ops.h"
#include "kernels/scalar.h"

namespace starnest::ref {

void add(const Exec&, const Batch& batch, ByShells widths, MatView<const float> x, MatView<float> y) {
  for_each_row(batch, [&](size_t t, size_t shells) {
    for (size_t i = 0; i < widths[shells - 1]; ++i) y(t, i) += x(t, i);
  });
}

void add_bias(const Exec&, const Batch& batch, ByShells widths, VecView<const float> bias, MatView<float> y) {
  for_each_row(batch, [&](size_t t, size_t shells) {
    for (size_t i = 0; i < widths[shells - 1]; ++i) y(t, i) += bias[i];
  });
}

void activate(const Exec&, const Batch& batch, ByShells widths, Activation activation, MatView<float> x) {
  const auto function = activation == Activation::relu2 ? starnest::relu2 : starnest::silu;
  for_each_row(batch, [&](size_t t, size_t shells) {
    for (size_t i = 0; i < widths[shells - 1]; ++i) x(t, i) = function(x(t, i));
  });
}

void softplus_add(const Exec&, const Batch& batch, ByShells widths, VecView<const float> bias, MatView<float> dt) {
  for_each_row(batch, [&](size_t t, size_t shells) {
    for (size_t m = 0; m < widths[shells - 1]; ++m) dt(t, m) = softplus(dt(t, m) + bias[m]);
  });
}

}  // namespace starnest::ref
