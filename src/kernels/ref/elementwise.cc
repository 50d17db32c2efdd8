#include "kernels/ref/elementwise.h"

#include <algorithm>
#include <cmath>

namespace starnest::ref {
namespace {

float relu2(float x) { return std::max(x, 0.0f) * std::max(x, 0.0f); }
float silu(float x) { return x / (1 + std::exp(-x)); }
float softplus(float x) { return x > 20 ? x : std::log1p(std::exp(x)); }

}  // namespace

void add(MatView<const float> x, MatView<float> y) {
  for (size_t t = 0; t < y.rows; ++t)
    for (size_t i = 0; i < y.cols; ++i) y(t, i) += x(t, i);
}

void add_bias(VecView<const float> bias, MatView<float> y) {
  for (size_t t = 0; t < y.rows; ++t)
    for (size_t i = 0; i < y.cols; ++i) y(t, i) += bias[i];
}

void activate(Activation activation, MatView<float> x) {
  for (size_t t = 0; t < x.rows; ++t)
    for (size_t i = 0; i < x.cols; ++i) x(t, i) = activation == Activation::relu2 ? relu2(x(t, i)) : silu(x(t, i));
}

void softplus_add(VecView<const float> bias, MatView<float> dt) {
  for (size_t t = 0; t < dt.rows; ++t)
    for (size_t m = 0; m < dt.cols; ++m) dt(t, m) = softplus(dt(t, m) + bias[m]);
}

}  // namespace starnest::ref
