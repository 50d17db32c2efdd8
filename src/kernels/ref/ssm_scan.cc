#include "kernels/ref/ssm_scan.h"

#include <cmath>

namespace starnest::ref {

void ssm_scan(const SsmInputs& in, MatView<float> state, MatView<float> y) {
  for (size_t t = 0; t < in.x.rows; ++t)
    for (const HeadPiece& piece : in.pieces) {
      const size_t m = piece.head;
      const float* b = in.b.row(t) + m % in.groups * in.state;
      const float* c = in.c.row(t) + m % in.groups * in.state;
      const float keep = std::exp(in.dt(t, m) * in.decay[m]);
      for (size_t ch = piece.begin; ch < piece.begin + piece.count; ++ch) {
        float* h = state.row(ch);
        float sum = 0;
        for (size_t n = 0; n < in.state; ++n) {
          h[n] = keep * h[n] + in.dt(t, m) * in.x(t, ch) * b[n];
          sum += c[n] * h[n];
        }
        y(t, ch) = sum + in.skip[m] * in.x(t, ch);
      }
    }
}

}  // namespace starnest::ref
