#include "kernels/ref/conv.h"

#include <cmath>
#include <vector>

namespace starnest::ref {

void causal_conv_silu(MatView<const float> x, MatView<const float> taps, VecView<const float> bias,
                      MatView<float> history, MatView<float> y) {
  const size_t past = taps.cols - 1;
  std::vector<float> in(past + x.rows);
  for (size_t c = 0; c < x.cols; ++c) {
    for (size_t i = 0; i < in.size(); ++i) in[i] = i < past ? history(i, c) : x(i - past, c);
    for (size_t t = 0; t < x.rows; ++t) {
      float sum = bias.size > 0 ? bias[c] : 0.0f;
      for (size_t j = 0; j < taps.cols; ++j) sum += taps(c, j) * in[t + j];
      y(t, c) = sum / (1 + std::exp(-sum));
    }
    for (size_t i = 0; i < past; ++i) history(i, c) = in[x.rows + i];
  }
}

}  // namespace starnest::ref
