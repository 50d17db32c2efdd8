#include <cmath>

#include "kernels/ref/ops.h"
#include "kernels/scalar.h"

namespace starnest::ref {

void causal_conv_silu(const Exec& exec, const Batch& batch, ByShells channels, MatView<const float> x,
                      MatView<const float> taps, VecView<const float> bias, ByShells history, MatView<float> y) {
  const size_t past = taps.cols - 1;
  for (const SequenceRun& run : batch.runs) {
    const ScratchScope scope(exec.arena);
    const VecView<float> in = exec.arena.vector(past + run.rows);
    const size_t C = channels[run.shells - 1];
    const MatView<float> before{run.state + history[run.shells - 1], past, C, C};
    for (size_t c = 0; c < C; ++c) {
      for (size_t i = 0; i < in.size; ++i) in[i] = i < past ? before(i, c) : x(run.first_row + i - past, c);
      for (size_t t = 0; t < run.rows; ++t) {
        float sum = bias.size > 0 ? bias[c] : 0.0f;
        for (size_t j = 0; j < taps.cols; ++j) sum += taps(c, j) * in[t + j];
        y(run.first_row + t, c) = silu(sum);
      }
      for (size_t i = 0; i < past; ++i) before(i, c) = in[run.rows + i];
    }
  }
}

void ssm_scan(const Exec&, const Batch& batch, const SsmInputs& in, MatView<float> y) {
  for (const SequenceRun& run : batch.runs) {
    const size_t C = in.channels[run.shells - 1];
    const MatView<float> state{run.state + in.states[run.shells - 1], C, in.state, in.state};
    for (size_t t = run.first_row; t < run.first_row + run.rows; ++t)
      for (const auto& [m, begin, count] : in.pieces[run.shells - 1]) {
        const float* b = in.b.row(t) + m % in.groups * in.state;
        const float* c = in.c.row(t) + m % in.groups * in.state;
        const float keep = std::exp(in.dt(t, m) * in.decay[m]);
        for (size_t ch = begin; ch < begin + count; ++ch) {
          float sum = 0;
          for (size_t n = 0; n < in.state; ++n) {
            state(ch, n) = keep * state(ch, n) + in.dt(t, m) * in.x(t, ch) * b[n];
            sum += c[n] * state(ch, n);
          }
          y(t, ch) = sum + in.skip[m] * in.x(t, ch);
        }
      }
  }
}

}  // namespace starnest::ref
