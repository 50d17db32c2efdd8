#include "kernels/ref/matmul.h"

namespace starnest::ref {

void matmul(MatView<const float> x, const WeightView& w, MatView<float> y, Store store) {
  for (size_t t = 0; t < x.rows; ++t)
    for (size_t r = 0; r < w.rows; ++r) {
      float sum = 0;
      for (size_t k = 0; k < w.cols; ++k) sum += x(t, k) * load_f32(w.dtype, w.data, r * w.stride + k);
      y(t, r) = store == Store::add ? y(t, r) + sum : sum;
    }
}

}  // namespace starnest::ref
