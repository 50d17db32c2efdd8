#include "kernels/ssm_scan.h"

#include <cmath>

#include "kernels/cpu/grain.h"
#include "kernels/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/ssm_scan.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "kernels/cpu/simd-inl.h"

#ifndef STARNEST_KERNELS_CPU_SSM_SCAN_CC_
#define STARNEST_KERNELS_CPU_SSM_SCAN_CC_
namespace starnest {
namespace {

struct Tokens {
  size_t begin, end;
};

}  // namespace
}  // namespace starnest
#endif

HWY_BEFORE_NAMESPACE();
namespace starnest::HWY_NAMESPACE {
namespace {

// `channels` channels of one head from ch: their state stays in the first-level cache.
template <size_t channels>
void scan_channels(const SsmInputs& in, MatView<const float> keeps, MatView<float> state, MatView<float> y,
                   const Tokens& tokens, size_t m, size_t ch) {
  for (size_t t = tokens.begin; t < tokens.end; ++t) {
    const float* x = in.x.row(t) + ch;
    const float* b = in.b.row(t) + m % in.groups * in.state;
    const float* c = in.c.row(t) + m % in.groups * in.state;
    const Vector keep = broadcast(keeps(t, m));
    Vector input[channels], sums[channels];
    for (size_t i = 0; i < channels; ++i) {
      input[i] = broadcast(in.dt(t, m) * x[i]);
      sums[i] = zero();
    }
    for_each_vector(in.state, [&](size_t n, size_t count) HWY_ATTR {
      const Vector bn = load_n(b + n, count), cn = load_n(c + n, count);
      for (size_t i = 0; i < channels; ++i) {
        float* h = state.row(ch + i) + n;
        const Vector updated = hn::MulAdd(input[i], bn, hn::Mul(keep, load_n(h, count)));
        store_n(updated, h, count);
        sums[i] = hn::MulAdd(cn, updated, sums[i]);
      }
    });
    for (size_t i = 0; i < channels; ++i) y(t, ch + i) = sum_of(sums[i]) + in.skip[m] * x[i];
  }
}

void scan_piece(const SsmInputs& in, MatView<const float> keeps, MatView<float> state, MatView<float> y,
                const Tokens& tokens, const HeadPiece& piece) {
  size_t ch = piece.begin;
  for (; ch + 4 <= piece.begin + piece.count; ch += 4) scan_channels<4>(in, keeps, state, y, tokens, piece.head, ch);
  for (; ch < piece.begin + piece.count; ++ch) scan_channels<1>(in, keeps, state, y, tokens, piece.head, ch);
}

}  // namespace
}  // namespace starnest::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starnest {
namespace {

HWY_EXPORT(scan_piece);

constexpr size_t kTokenBlock = 64;  // tokens whose b and c stay in the second-level cache for all channels

// Runs the channels begin .. end, counted over all pieces in turn.
void scan_part(const SsmInputs& in, MatView<const float> keeps, MatView<float> state, MatView<float> y,
               const Tokens& tokens, size_t begin, size_t end) {
  size_t start = 0;  // of the piece, in that count
  for (const HeadPiece& piece : in.pieces) {
    const size_t from = std::max(begin, start), to = std::min(end, start + piece.count);
    if (from < to) HWY_DYNAMIC_DISPATCH(scan_piece)
    (in, keeps, state, y, tokens, {piece.head, piece.begin + from - start, to - from});
    start += piece.count;
  }
}

// Checks all shapes; the number of channels in all pieces.
size_t checked_channels(const SsmInputs& in, MatView<float> state, MatView<float> y) {
  const size_t T = in.x.rows, M = in.decay.size, width = in.groups * in.state;
  SN_CHECK(in.groups > 0 && y.rows == T && y.cols == in.x.cols, "ssm_scan: y is not shaped like x");
  SN_CHECK(in.dt.rows == T && in.dt.cols == M && in.skip.size == M, "ssm_scan: dt, decay, skip do not fit");
  SN_CHECK(in.b.rows == T && in.c.rows == T && in.b.cols == width && in.c.cols == width,
           "ssm_scan: b or c is not [T, G*N]");
  SN_CHECK(state.rows == in.x.cols && state.cols == in.state, "ssm_scan: state is not [channels, N]");
  size_t channels = 0;
  for (const HeadPiece& piece : in.pieces) {
    SN_CHECK(piece.head < M && piece.begin + piece.count <= in.x.cols, "ssm_scan: piece out of range");
    channels += piece.count;
  }
  return channels;
}

}  // namespace

void ssm_scan(const Exec& exec, const SsmInputs& in, MatView<float> state, MatView<float> y) {
  const size_t T = in.x.rows, M = in.decay.size, channels = checked_channels(in, state, y);
  const ScratchScope scope(exec.arena);
  const MatView<float> keeps = exec.arena.matrix(T, M);
  exec.pool.parallel_for(T, grain_of(M * kExpWork), [&](size_t begin, size_t end) {
    for (size_t t = begin; t < end; ++t)
      for (size_t m = 0; m < M; ++m) keeps(t, m) = std::exp(in.dt(t, m) * in.decay[m]);
  });
  exec.pool.parallel_for(channels, grain_of(T * in.state * 3), [&](size_t begin, size_t end) {
    for (size_t t = 0; t < T; t += kTokenBlock)
      scan_part(in, keeps, state, y, {t, std::min(T, t + kTokenBlock)}, begin, end);
  });
}

}  // namespace starnest
#endif
