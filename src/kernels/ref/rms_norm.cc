#include "kernels/ref/rms_norm.h"

#include <cmath>

namespace starnest::ref {

void rms_norm(MatView<const float> x, VecView<const float> gain, float eps, MatView<float> y) {
  for (size_t t = 0; t < x.rows; ++t) {
    float squares = 0;
    for (size_t i = 0; i < x.cols; ++i) squares += x(t, i) * x(t, i);
    const float scale = 1 / std::sqrt(squares / float(x.cols) + eps);
    for (size_t i = 0; i < x.cols; ++i) y(t, i) = x(t, i) * scale * gain[i];
  }
}

}  // namespace starnest::ref
