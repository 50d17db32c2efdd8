#include "kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/cpu/grain.h"
#include "kernels/cpu/shares.h"
#include "kernels/cpu/simd.h"
#include "kernels/cpu/table.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/attention.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "kernels/cpu/simd-inl.h"

#ifndef STARNEST_KERNELS_CPU_ATTENTION_CC_
#define STARNEST_KERNELS_CPU_ATTENTION_CC_
namespace starnest::cpu {
namespace {

constexpr size_t kMaxUnitHeads = 16;   // query heads of one unit of work
constexpr size_t kMaxUnitTokens = 16;  // tokens of one unit: they share the block of keys and values in cache

// The tokens of one sequence. The softmax so far of token t and head h: `largest` score, `total` weight, weighted
// values in y.
struct Call {
  MatView<const float> q;
  KvLayout kv;
  std::span<std::byte* const> blocks;
  size_t keys, values;  // bytes from the beginning of a block
  size_t position;
  float scale;
  MatView<float> y;
  MatView<float> largest;
  MatView<float> total;
};

// Some query heads that read one kv head: number i is head first + i * K.
struct Heads {
  size_t first;
  size_t count;
};

}  // namespace
}  // namespace starnest::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace starnest::cpu::HWY_NAMESPACE {
namespace {

constexpr size_t kTileHeads = kWidth >= 16 ? 4 : 2;  // as many as the registers hold beside four keys or value vectors

// scores[i][j .. j + 4] = q_i . keys_j. Lanes run over the head's width.
template <size_t heads, class Number>
void score_four(const float* q, size_t q_stride, const Number* keys, size_t kv_stride, size_t width, float* scores) {
  Vector sums[heads][4];
  for (size_t i = 0; i < heads; ++i)
    for (size_t j = 0; j < 4; ++j) sums[i][j] = zero();
  for_each_vector(width, [&](size_t k, size_t n) HWY_ATTR {
    Vector key[4];
    for (size_t j = 0; j < 4; ++j) key[j] = load_n(keys + j * kv_stride + k, n);
    for (size_t i = 0; i < heads; ++i) {
      const Vector query = load_n(q + i * q_stride + k, n);
      for (size_t j = 0; j < 4; ++j) sums[i][j] = hn::MulAdd(query, key[j], sums[i][j]);
    }
  });
  for (size_t i = 0; i < heads; ++i)
    sums_of_four(sums[i][0], sums[i][1], sums[i][2], sums[i][3], scores + i * kKvBlock);
}

// y_i <- keep[i] y_i + sum_j weights[i][j] values_j, for n numbers in each of `vectors` vectors.
template <size_t heads, size_t vectors, class Number>
void add_values(const float* weights, const float* keep, const Number* values, size_t kv_stride, size_t count, float* y,
                size_t y_stride, size_t n) {
  Vector sums[heads][vectors];
  for (size_t i = 0; i < heads; ++i)
    for (size_t v = 0; v < vectors; ++v)
      sums[i][v] = hn::Mul(broadcast(keep[i]), load_n(y + i * y_stride + v * kWidth, n));
  for (size_t j = 0; j < count; ++j) {
    Vector value[vectors];
    for (size_t v = 0; v < vectors; ++v) value[v] = load_n(values + j * kv_stride + v * kWidth, n);
    for (size_t i = 0; i < heads; ++i) {
      const Vector weight = broadcast(weights[i * kKvBlock + j]);
      for (size_t v = 0; v < vectors; ++v) sums[i][v] = hn::MulAdd(weight, value[v], sums[i][v]);
    }
  }
  for (size_t i = 0; i < heads; ++i)
    for (size_t v = 0; v < vectors; ++v) store_n(sums[i][v], y + i * y_stride + v * kWidth, n);
}

// scores <- exp(scale * scores - largest) for `count` keys of a block. Updates the largest score and the total weight;
// returns the factor by which what was summed before shrinks.
float soften(float* scores, size_t count, float scale, float& largest, float& total) {
  const size_t padded = (count + kWidth - 1) / kWidth * kWidth;
  std::fill(scores + count, scores + padded, -std::numeric_limits<float>::infinity());
  Vector most = broadcast(largest);
  for (size_t j = 0; j < padded; j += kWidth) {
    const Vector scaled = hn::Mul(load(scores + j), broadcast(scale));
    store(scaled, scores + j);
    most = hn::Max(most, scaled);
  }
  const float before = largest;
  largest = hn::GetLane(hn::MaxOfLanes(kLanes, most));
  Vector sum = zero();
  for (size_t j = 0; j < padded; j += kWidth) {
    const Vector weight = hn::Exp(kLanes, hn::Sub(load(scores + j), broadcast(largest)));
    store(weight, scores + j);
    sum = hn::Add(sum, weight);
  }
  const float keep = std::exp(before - largest);
  total = total * keep + sum_of(sum);
  return keep;
}

template <size_t heads, class Number>
void attend_heads(const Call& call, size_t t, size_t h, size_t block, size_t count) {
  const size_t K = call.kv.kv_heads, Q = call.kv.head_dim, stride = K * Q;  // of kv rows, and from head to head in q, y
  HWY_ALIGN float scores[heads * kKvBlock];
  float keep[heads];
  const Number* keys = reinterpret_cast<const Number*>(call.blocks[block] + call.keys) + h % K * Q;
  for (size_t j = 0; j < count; j += 4)
    score_four<heads, Number>(call.q.row(t) + h * Q, stride, keys + j * stride, stride, Q, scores + j);
  for (size_t i = 0; i < heads; ++i)
    keep[i] = soften(scores + i * kKvBlock, count, call.scale, call.largest(t, h + i * K), call.total(t, h + i * K));
  const Number* values = reinterpret_cast<const Number*>(call.blocks[block] + call.values) + h % K * Q;
  float* y = call.y.row(t) + h * Q;
  size_t k = 0;
  for (; k + 4 * kWidth <= Q; k += 4 * kWidth)
    add_values<heads, 4, Number>(scores, keep, values + k, stride, count, y + k, stride, kWidth);
  for (; k < Q; k += kWidth)
    add_values<heads, 1, Number>(scores, keep, values + k, stride, count, y + k, stride, std::min(kWidth, Q - k));
}

void start(const Call& call, size_t t, size_t h) {
  call.largest(t, h) = -std::numeric_limits<float>::infinity();
  call.total(t, h) = 0;
  std::fill_n(call.y.row(t) + h * call.kv.head_dim, call.kv.head_dim, 0.0f);
}

void finish(const Call& call, size_t t, size_t h) {
  float* y = call.y.row(t) + h * call.kv.head_dim;
  const Vector scale = broadcast(call.kv.value_scale / call.total(t, h));
  for_each_vector(call.kv.head_dim,
                  [&](size_t k, size_t n) HWY_ATTR { store_n(hn::Mul(load_n(y + k, n), scale), y + k, n); });
}

// The given heads of tokens begin .. end, block by block so that the block serves all of them from cache.
template <class Number>
void attend_as(const Call& call, Heads heads, size_t begin, size_t end) {
  const size_t K = call.kv.kv_heads;
  for (size_t t = begin; t < end; ++t)
    for (size_t i = 0; i < heads.count; ++i) start(call, t, heads.first + i * K);
  for (size_t block = 0; block * kKvBlock < call.position + end; ++block)
    for (size_t t = begin; t < end; ++t) {
      const size_t seen = call.position + t + 1;
      if (seen <= block * kKvBlock) continue;
      const size_t count = std::min(kKvBlock, seen - block * kKvBlock);
      size_t i = 0;
      for (; i + kTileHeads <= heads.count; i += kTileHeads)
        attend_heads<kTileHeads, Number>(call, t, heads.first + i * K, block, count);
      for (; i < heads.count; ++i) attend_heads<1, Number>(call, t, heads.first + i * K, block, count);
    }
  for (size_t t = begin; t < end; ++t)
    for (size_t i = 0; i < heads.count; ++i) finish(call, t, heads.first + i * K);
}

void attend(const Call& call, Heads heads, size_t begin, size_t end) {
  const auto attend_with = call.kv.dtype == DType::bf16      ? attend_as<bf16>
                           : call.kv.dtype == DType::f8_e4m3 ? attend_as<fp8>
                                                             : attend_as<float>;
  attend_with(call, heads, begin, end);
}

}  // namespace
}  // namespace starnest::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starnest::cpu {
namespace {

HWY_EXPORT(attend);

using Attend = void (*)(const Call& call, Heads heads, size_t begin, size_t end);

size_t divided_up(size_t n, size_t by) { return (n + by - 1) / by; }

// One sequence, cut into units of some tokens and some heads of one group.
struct RunUnits {
  Call call;
  size_t group;                        // heads that read one kv head
  size_t unit_heads, units_per_group;  // most heads of a unit; parts of a group
  size_t spans;                        // of tokens

  size_t count() const { return call.kv.kv_heads * units_per_group * spans; }
  size_t cost() const {  // of one unit, multiply-adds
    return std::min(call.q.rows, kMaxUnitTokens) * unit_heads * 2 * call.kv.head_dim *
           (call.position + call.q.rows / 2 + 1);
  }
  void run(Attend attend, size_t unit) const {
    const size_t span = unit % spans, part = unit / spans % units_per_group, k = unit / spans / units_per_group;
    const Heads heads{k + part * unit_heads * call.kv.kv_heads, std::min(unit_heads, group - part * unit_heads)};
    attend(call, heads, span * kMaxUnitTokens, std::min(call.q.rows, (span + 1) * kMaxUnitTokens));
  }
};

// Fewer heads to a unit when there are threads to feed.
void cut_units(RunUnits& run, size_t runs, size_t threads) {
  run.unit_heads = std::min(run.group, kMaxUnitHeads);
  const auto units = [&] { return run.spans * run.call.kv.kv_heads * divided_up(run.group, run.unit_heads); };
  while (run.unit_heads > 1 && units() * runs < threads) run.unit_heads = divided_up(run.unit_heads, 2);
  run.units_per_group = divided_up(run.group, run.unit_heads);
}

template <Isa isa>
void attention(const Exec& exec, const Batch& batch, const KvLayout& kv, ByShells heads, MatView<const float> q,
               float scale, MatView<float> y) {
  static const Attend kAttend = STARNEST_OP_FOR(attend, isa);
  const size_t Q = kv.head_dim, threads = size_t(exec.pool.threads());
  const ScratchScope scope(exec.arena);
  const MatView<float> largest = exec.arena.matrix(batch.rows(), batch.widest(heads));
  const MatView<float> total = exec.arena.matrix(batch.rows(), batch.widest(heads));
  const std::span<RunUnits> runs = exec.arena.array<RunUnits>(batch.runs.size());
  const std::span<Share> shares = exec.arena.array<Share>(batch.runs.size());
  for (size_t i = 0; i < runs.size(); ++i) {
    const SequenceRun& run = batch.runs[i];
    const size_t H = heads[run.shells - 1], keys = kv.offsets[run.shells - 1];
    const auto rows = [&](auto m, size_t cols) { return m.row_range(run.first_row, run.rows).col_range(0, cols); };
    runs[i] = {.call = {rows(q, H * Q), kv, run.kv, keys, kv.values(keys), run.position, scale * kv.key_scale,
                        rows(y, H * Q), rows(largest, H), rows(total, H)},
               .group = H / kv.kv_heads,
               .unit_heads = 0,
               .units_per_group = 0,
               .spans = divided_up(run.rows, kMaxUnitTokens)};
    cut_units(runs[i], runs.size(), threads);
    shares[i] = {runs[i].count(), runs[i].cost()};
  }
  parallel_shares(exec, shares, [&](size_t i, size_t begin, size_t end) {
    for (size_t unit = begin; unit < end; ++unit) runs[i].run(kAttend, unit);
  });
}

void write_row(DType dtype, const float* numbers, float scale, size_t width, std::byte* row) {
  if (dtype == DType::f32)
    std::memcpy(row, numbers, width * sizeof(float));
  else if (dtype == DType::bf16)
    std::transform(numbers, numbers + width, reinterpret_cast<bf16*>(row), to_bf16);
  else
    std::transform(numbers, numbers + width, row, [scale](float x) { return std::byte{to_e4m3(x / scale)}; });
}

void kv_write(const Exec& exec, const Batch& batch, const KvLayout& kv, MatView<const float> k,
              MatView<const float> v) {
  const size_t width = kv.row(), row_bytes = width * size_of(kv.dtype);
  const ScratchScope scope(exec.arena);
  const std::span<Share> shares = exec.arena.array<Share>(batch.runs.size());
  for (size_t i = 0; i < shares.size(); ++i) shares[i] = {batch.runs[i].rows, 2 * width};
  parallel_shares(exec, shares, [&](size_t i, size_t begin, size_t end) {
    const SequenceRun& run = batch.runs[i];
    const size_t keys = kv.offsets[run.shells - 1];
    for (size_t t = begin; t < end; ++t) {
      std::byte* block = run.kv[(run.position + t) / kKvBlock];
      const size_t at = keys + (run.position + t) % kKvBlock * row_bytes;
      write_row(kv.dtype, k.row(run.first_row + t), kv.key_scale, width, block + at);
      write_row(kv.dtype, v.row(run.first_row + t), kv.value_scale, width, block + kv.values(at));
    }
  });
}

}  // namespace

void put_attention(Ops& ops, Isa isa) {
  ops.kv_write = kv_write;
  ops.attention = STARNEST_FOR_ISA(attention, isa);
}

}  // namespace starnest::cpu
#endif
