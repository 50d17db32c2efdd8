#include "kernels/ref/gather.h"

#include <algorithm>

namespace starnest::ref {

void gather_add(MatView<const float> x, MatView<const int32_t> slots, MatView<const float> weights, MatView<float> y) {
  for (size_t t = 0; t < y.rows; ++t)
    for (size_t j = 0; j < slots.cols; ++j)
      for (size_t i = 0; i < y.cols; ++i) y(t, i) += weights(t, j) * x(size_t(slots(t, j)), i);
}

}  // namespace starnest::ref
