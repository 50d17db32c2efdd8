#include "kernels/attention.h"

#include <cmath>
#include <limits>

#include "kernels/cpu/grain.h"
#include "kernels/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/attention.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "kernels/cpu/simd-inl.h"

#ifndef STARNEST_KERNELS_CPU_ATTENTION_CC_
#define STARNEST_KERNELS_CPU_ATTENTION_CC_
namespace starnest {
namespace {

constexpr size_t kMaxUnitHeads = 16;   // query heads of one unit of work
constexpr size_t kMaxUnitTokens = 16;  // tokens of one unit: they share the block of keys and values in cache

// One call of attention. The softmax so far of token t and head h: `largest` score, `total` weight, weighted values in
// y.
struct Call {
  MatView<const float> q;
  KvView kv;
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
}  // namespace starnest
#endif

HWY_BEFORE_NAMESPACE();
namespace starnest::HWY_NAMESPACE {
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
  const Number* keys = reinterpret_cast<const Number*>(call.kv.keys[block]) + h % K * Q;
  for (size_t j = 0; j < count; j += 4)
    score_four<heads, Number>(call.q.row(t) + h * Q, stride, keys + j * stride, stride, Q, scores + j);
  for (size_t i = 0; i < heads; ++i)
    keep[i] = soften(scores + i * kKvBlock, count, call.scale, call.largest(t, h + i * K), call.total(t, h + i * K));
  const Number* values = reinterpret_cast<const Number*>(call.kv.values[block]) + h % K * Q;
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
  const Vector scale = broadcast(1 / call.total(t, h));
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
  (call.kv.dtype == DType::bf16 ? attend_as<bf16> : attend_as<float>)(call, heads, begin, end);
}

}  // namespace
}  // namespace starnest::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starnest {
namespace {

HWY_EXPORT(attend);

size_t divided_up(size_t n, size_t by) { return (n + by - 1) / by; }

}  // namespace

void attention(const Exec& exec, MatView<const float> q, const KvView& kv, size_t position, float scale,
               MatView<float> y) {
  const size_t T = q.rows, K = kv.kv_heads, Q = kv.head_dim;
  SN_CHECK(K > 0 && Q > 0 && q.cols % (K * Q) == 0, "attention: q is not [T, H*Q] with H a multiple of K");
  SN_CHECK(y.rows == T && y.cols == q.cols, "attention: y is not shaped like q");
  SN_CHECK(kv.dtype == DType::f32 || kv.dtype == DType::bf16, "attention: keys and values are neither f32 nor bf16");
  SN_CHECK(kv.keys.size() == kv.values.size() && position + T <= kv.keys.size() * kKvBlock,
           "attention: not enough blocks");
  const size_t H = q.cols / Q, group = H / K, spans = divided_up(T, kMaxUnitTokens);
  // A unit is a span of tokens and some heads of one group: fewer heads when there are threads to feed.
  size_t unit_heads = std::min(group, kMaxUnitHeads);
  while (unit_heads > 1 && spans * K * divided_up(group, unit_heads) < size_t(exec.pool.threads()))
    unit_heads = divided_up(unit_heads, 2);
  const size_t units_per_group = divided_up(group, unit_heads);

  const ScratchScope scope(exec.arena);
  const Call call{q, kv, position, scale, y, exec.arena.matrix(T, H), exec.arena.matrix(T, H)};
  const size_t work = std::min(T, kMaxUnitTokens) * unit_heads * 2 * Q * (position + T / 2 + 1);
  exec.pool.parallel_for(K * units_per_group * spans, grain_of(work), [&](size_t begin, size_t end) {
    for (size_t unit = begin; unit < end; ++unit) {
      const size_t span = unit % spans, part = unit / spans % units_per_group, k = unit / spans / units_per_group;
      const Heads heads{k + part * unit_heads * K, std::min(unit_heads, group - part * unit_heads)};
      HWY_DYNAMIC_DISPATCH(attend)(call, heads, span * kMaxUnitTokens, std::min(T, (span + 1) * kMaxUnitTokens));
    }
  });
}

}  // namespace starnest
#endif
