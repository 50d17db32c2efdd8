#include "kernels/conv.h"

#include "kernels/cpu/grain.h"
#include "kernels/cpu/shares.h"
#include "kernels/cpu/simd.h"
#include "kernels/cpu/table.h"
#include "kernels/scalar.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/conv.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "kernels/cpu/simd-inl.h"

#ifndef STARNEST_KERNELS_CPU_CONV_CC_
#define STARNEST_KERNELS_CPU_CONV_CC_
namespace starnest::cpu {
namespace {

struct Convolution {
  MatView<const float> taps;
  VecView<const float> bias;
};

// What one sequence brings: rows of the batch as wide as its size, and its last inputs.
struct Run {
  MatView<const float> x;
  MatView<float> history;
  MatView<float> y;
};

}  // namespace
}  // namespace starnest::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace starnest::cpu::HWY_NAMESPACE {
namespace {

// tap[j] <- the taps j of n channels from c.
template <size_t width>
void load_taps(MatView<const float> taps, size_t c, size_t n, Vector* tap) {
  if constexpr (width == 4) {
    if (n == kWidth && taps.stride == 4)
      return hn::LoadInterleaved4(kLanes, taps.row(c), tap[0], tap[1], tap[2], tap[3]);
  }
  HWY_ALIGN float columns[width][kWidth] = {};
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < width; ++j) columns[j][i] = taps(c + i, j);
  for (size_t j = 0; j < width; ++j) tap[j] = load(columns[j]);
}

// n <= kWidth channels from c, all tokens of a run; the last `width` inputs stay in registers.
template <size_t width>
void conv_channels(const Convolution& conv, const Run& run, size_t c, size_t n) {
  Vector tap[width], in[width];
  load_taps<width>(conv.taps, c, n, tap);
  for (size_t j = 0; j + 1 < width; ++j) in[j] = load_n(run.history.row(j) + c, n);
  const Vector start = conv.bias.size > 0 ? load_n(conv.bias.data + c, n) : zero();
  for (size_t t = 0; t < run.x.rows; ++t) {
    in[width - 1] = load_n(run.x.row(t) + c, n);
    Vector sum = start;
    for (size_t j = 0; j < width; ++j) sum = hn::MulAdd(tap[j], in[j], sum);
    store_n(silu(sum), run.y.row(t) + c, n);
    for (size_t j = 0; j + 1 < width; ++j) in[j] = in[j + 1];
  }
  for (size_t j = 0; j + 1 < width; ++j) store_n(in[j], run.history.row(j) + c, n);
}

void conv_part(const Convolution& conv, const Run& run, size_t begin, size_t end) {
  const size_t width = conv.taps.cols;
  const auto channels = width == 2 ? conv_channels<2> : width == 3 ? conv_channels<3> : conv_channels<4>;
  for_each_vector(end - begin, [&](size_t i, size_t n) HWY_ATTR { channels(conv, run, begin + i, n); });
}

}  // namespace
}  // namespace starnest::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starnest::cpu {
namespace {

HWY_EXPORT(conv_part);

using ConvPart = void (*)(const Convolution& conv, const Run& run, size_t begin, size_t end);

// Any number of taps, one channel after the other.
void conv_plain(const Exec& exec, const Convolution& conv, const Run& run) {
  const size_t W = conv.taps.cols, T = run.x.rows;
  const ScratchScope scope(exec.arena);
  const VecView<float> in = exec.arena.vector(W - 1 + T);
  for (size_t c = 0; c < run.x.cols; ++c) {
    for (size_t i = 0; i < in.size; ++i) in[i] = i < W - 1 ? run.history(i, c) : run.x(i - (W - 1), c);
    for (size_t t = 0; t < T; ++t) {
      float sum = conv.bias.size > 0 ? conv.bias[c] : 0.0f;
      for (size_t j = 0; j < W; ++j) sum += conv.taps(c, j) * in[t + j];
      run.y(t, c) = silu(sum);
    }
    for (size_t i = 0; i + 1 < W; ++i) run.history(i, c) = in[T + i];
  }
}

template <Isa isa>
void causal_conv_silu(const Exec& exec, const Batch& batch, ByShells channels, MatView<const float> x,
                      MatView<const float> taps, VecView<const float> bias, ByShells history, MatView<float> y) {
  static const ConvPart kPart = STARNEST_OP_FOR(conv_part, isa);
  const size_t W = taps.cols;
  const Convolution conv{taps, bias};
  const auto run_of = [&](const SequenceRun& run) {
    const size_t C = channels[run.shells - 1];
    const auto rows = [&](auto m) { return m.row_range(run.first_row, run.rows).col_range(0, C); };
    return Run{rows(x), {run.state + history[run.shells - 1], W - 1, C, C}, rows(y)};
  };
  if (W < 2 || W > 4) {
    for (const SequenceRun& run : batch.runs) conv_plain(exec, conv, run_of(run));
    return;
  }
  const ScratchScope scope(exec.arena);
  const std::span<Share> shares = exec.arena.array<Share>(batch.runs.size());
  for (size_t i = 0; i < shares.size(); ++i)
    shares[i] = {channels[batch.runs[i].shells - 1], (batch.runs[i].rows + 1) * 2 * W};
  parallel_shares(exec, shares,
                  [&](size_t i, size_t begin, size_t end) { kPart(conv, run_of(batch.runs[i]), begin, end); });
}

}  // namespace

void put_conv(Ops& ops, Isa isa) { ops.causal_conv_silu = STARNEST_FOR_ISA(causal_conv_silu, isa); }

}  // namespace starnest::cpu
#endif
