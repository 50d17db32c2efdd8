#include "kernels/ssm_scan.h"

#include <cmath>

#include "kernels/cpu/grain.h"
#include "kernels/cpu/shares.h"
#include "kernels/cpu/simd.h"
#include "kernels/cpu/table.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/ssm_scan.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "kernels/cpu/simd-inl.h"

#ifndef STARNEST_KERNELS_CPU_SSM_SCAN_CC_
#define STARNEST_KERNELS_CPU_SSM_SCAN_CC_
namespace starnest::cpu {
namespace {

struct Tokens {
  size_t begin, end;
};

constexpr size_t kTokenBlock = 32;    // tokens whose b and c stay in the first-level cache for all channels of a head
constexpr size_t kPackedState = 256;  // the largest state whose b and c are packed for that

// b and c of one head's group, [tokens, N]. In the operands their rows lie a power of two of bytes apart and fall into
// few sets of the cache, so they are copied together.
class HeadInputs {
 public:
  HeadInputs(const SsmInputs& in, const Tokens& tokens, size_t head)
      : b_(view(in.b, in, tokens, head)), c_(view(in.c, in, tokens, head)) {
    if (in.state > kPackedState) return;
    pack(b_, packed_);
    pack(c_, packed_ + kTokenBlock * in.state);
  }
  HeadInputs(const HeadInputs&) = delete;
  HeadInputs& operator=(const HeadInputs&) = delete;

  MatView<const float> b() const { return b_; }
  MatView<const float> c() const { return c_; }

 private:
  static MatView<const float> view(MatView<const float> all, const SsmInputs& in, const Tokens& tokens, size_t head) {
    return all.row_range(tokens.begin, tokens.end - tokens.begin).col_range(head % in.groups * in.state, in.state);
  }
  static void pack(MatView<const float>& view, float* to) {
    for (size_t t = 0; t < view.rows; ++t) std::copy_n(view.row(t), view.cols, to + t * view.cols);
    view = {to, view.rows, view.cols, view.cols};
  }

  MatView<const float> b_, c_;
  alignas(64) float packed_[2 * kTokenBlock * kPackedState];
};

}  // namespace
}  // namespace starnest::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace starnest::cpu::HWY_NAMESPACE {
namespace {

// What stays in registers while the tokens of a block pass: some vectors of the state of some channels.
constexpr size_t kTileChannels = 2;
constexpr size_t kTileVectors = kWidth >= 16 ? 8 : 4;

// Up to kStrip neighbouring channels of one head, for one block of tokens: rows of x and y are far apart, and often a
// power of two of bytes, so each is touched once per strip.
constexpr size_t kStrip = 16;
struct Strip {
  size_t head, begin, count;
  MatView<const float> b, c;                    // [tokens, N]
  HWY_ALIGN float input[kTokenBlock][kStrip];   // dt x
  HWY_ALIGN float output[kTokenBlock][kStrip];  // sum_n c h
};

// Vectors of partial sums over n, by channel and token of the block.
using Sums = Vector[kTileChannels][kTokenBlock];

// State elements n .. of `channels` channels of the strip from `first`, through all tokens; the last vector has `count`
// numbers.
template <size_t channels, size_t vectors>
HWY_INLINE void scan_tile(MatView<const float> keeps, MatView<float> state, const Tokens& tokens, const Strip& strip,
                          size_t first, size_t n, size_t count, Sums& sums) {
  const auto numbers = [&](size_t v) { return v + 1 < vectors ? kWidth : count; };
  const auto state_of = [&](size_t i, size_t v) { return state.row(strip.begin + first + i) + n + v * kWidth; };
  Vector h[channels][vectors];
  for (size_t i = 0; i < channels; ++i)
    for (size_t v = 0; v < vectors; ++v) h[i][v] = load_n(state_of(i, v), numbers(v));
  for (size_t t = 0; t < tokens.end - tokens.begin; ++t) {
    const float* b = strip.b.row(t) + n;
    const float* c = strip.c.row(t) + n;
    const Vector keep = broadcast(keeps(tokens.begin + t, strip.head));
    Vector input[channels], sum[channels];
    for (size_t i = 0; i < channels; ++i) {
      input[i] = broadcast(strip.input[t][first + i]);
      sum[i] = n == 0 ? zero() : sums[i][t];
    }
    for (size_t v = 0; v < vectors; ++v) {
      const Vector bn = load_n(b + v * kWidth, numbers(v)), cn = load_n(c + v * kWidth, numbers(v));
      for (size_t i = 0; i < channels; ++i) {
        h[i][v] = hn::MulAdd(input[i], bn, hn::Mul(keep, h[i][v]));
        sum[i] = hn::MulAdd(cn, h[i][v], sum[i]);
      }
    }
    for (size_t i = 0; i < channels; ++i) sums[i][t] = sum[i];
  }
  for (size_t i = 0; i < channels; ++i)
    for (size_t v = 0; v < vectors; ++v) store_n(h[i][v], state_of(i, v), numbers(v));
}

template <size_t channels>
void scan_channels(MatView<const float> keeps, MatView<float> state, const Tokens& tokens, Strip& strip, size_t first) {
  const size_t N = state.cols;
  Sums sums;
  size_t n = 0;
  for (; n + kTileVectors * kWidth <= N; n += kTileVectors * kWidth)
    scan_tile<channels, kTileVectors>(keeps, state, tokens, strip, first, n, kWidth, sums);
  for (; n < N; n += kWidth)
    scan_tile<channels, 1>(keeps, state, tokens, strip, first, n, std::min(kWidth, N - n), sums);
  float totals[4];  // of tokens t and t + 1
  for (size_t t = 0; t < tokens.end - tokens.begin; t += 2) {
    const size_t next = std::min(t + 1, tokens.end - tokens.begin - 1);
    sums_of_four(sums[0][t], sums[channels - 1][t], sums[0][next], sums[channels - 1][next], totals);
    std::copy_n(totals, channels, strip.output[t] + first);
    std::copy_n(totals + 2, channels, strip.output[next] + first);
  }
}

void scan_strip(const SsmInputs& in, MatView<const float> keeps, MatView<float> state, MatView<float> y,
                const Tokens& tokens, Strip& strip) {
  const size_t m = strip.head, T = tokens.end - tokens.begin;
  for (size_t t = 0; t < T; ++t) {
    const float* x = in.x.row(tokens.begin + t) + strip.begin;
    for (size_t i = 0; i < strip.count; ++i) strip.input[t][i] = in.dt(tokens.begin + t, m) * x[i];
  }
  size_t i = 0;
  for (; i + kTileChannels <= strip.count; i += kTileChannels)
    scan_channels<kTileChannels>(keeps, state, tokens, strip, i);
  for (; i < strip.count; ++i) scan_channels<1>(keeps, state, tokens, strip, i);
  for (size_t t = 0; t < T; ++t) {
    const float* x = in.x.row(tokens.begin + t) + strip.begin;
    float* out = y.row(tokens.begin + t) + strip.begin;
    for (size_t c = 0; c < strip.count; ++c) out[c] = strip.output[t][c] + in.skip[m] * x[c];
  }
}

void scan_piece(const SsmInputs& in, MatView<const float> keeps, MatView<float> state, MatView<float> y,
                const Tokens& tokens, const HeadPiece& piece) {
  const HeadInputs inputs(in, tokens, piece.head);
  Strip strip;
  strip.head = piece.head, strip.b = inputs.b(), strip.c = inputs.c();
  for (size_t done = 0; done < piece.count; done += kStrip) {
    strip.begin = piece.begin + done;
    strip.count = std::min(kStrip, piece.count - done);
    scan_strip(in, keeps, state, y, tokens, strip);
  }
}

}  // namespace
}  // namespace starnest::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starnest::cpu {
namespace {

HWY_EXPORT(scan_piece);

using ScanPiece = void (*)(const SsmInputs& in, MatView<const float> keeps, MatView<float> state, MatView<float> y,
                           const Tokens& tokens, const HeadPiece& piece);

// Runs the channels begin .. end of one sequence, counted over all pieces in turn.
void scan_part(ScanPiece scan, const SsmInputs& in, MatView<const float> keeps, const SequenceRun& run,
               MatView<float> y, size_t begin, size_t end) {
  const MatView<float> state{run.state + in.states[run.shells - 1], in.channels[run.shells - 1], in.state, in.state};
  for (size_t t = 0; t < run.rows; t += kTokenBlock) {
    const Tokens tokens{run.first_row + t, run.first_row + std::min(run.rows, t + kTokenBlock)};
    size_t start = 0;  // of the piece, in that count
    for (const HeadPiece& piece : in.pieces[run.shells - 1]) {
      const size_t from = std::max(begin, start), to = std::min(end, start + piece.count);
      if (from < to) scan(in, keeps, state, y, tokens, {piece.head, piece.begin + from - start, to - from});
      start += piece.count;
    }
  }
}

size_t channels_in(const std::vector<HeadPiece>& pieces) {
  size_t count = 0;
  for (const HeadPiece& piece : pieces) count += piece.count;
  return count;
}

// exp(dt decay), which all channels of a head share.
void fill_keeps(const Exec& exec, const Batch& batch, const SsmInputs& in, MatView<float> keeps) {
  exec.pool.parallel_for(batch.rows(), grain_of(keeps.cols * kExpWork), [&](size_t begin, size_t end) {
    for_each_row(batch.spans, begin, end, [&](size_t t, size_t shells) {
      for (size_t m = 0; m < in.heads[shells - 1]; ++m) keeps(t, m) = std::exp(in.dt(t, m) * in.decay[m]);
    });
  });
}

template <Isa isa>
void ssm_scan(const Exec& exec, const Batch& batch, const SsmInputs& in, MatView<float> y) {
  static const ScanPiece kScan = STARNEST_OP_FOR(scan_piece, isa);
  const ScratchScope scope(exec.arena);
  const MatView<float> keeps = exec.arena.matrix(batch.rows(), batch.widest(in.heads));
  fill_keeps(exec, batch, in, keeps);
  const std::span<Share> shares = exec.arena.array<Share>(batch.runs.size());
  for (size_t i = 0; i < shares.size(); ++i)
    shares[i] = {channels_in(in.pieces[batch.runs[i].shells - 1]), batch.runs[i].rows * in.state * 3};
  parallel_shares(exec, shares, [&](size_t i, size_t begin, size_t end) {
    scan_part(kScan, in, keeps, batch.runs[i], y, begin, end);
  });
}

}  // namespace

void put_ssm_scan(Ops& ops, Isa isa) { ops.ssm_scan = STARNEST_FOR_ISA(ssm_scan, isa); }

}  // namespace starnest::cpu
#endif
