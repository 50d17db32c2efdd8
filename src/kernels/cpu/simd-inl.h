// What the SIMD files share, compiled once per instruction set (hence Highway's toggling guard).
//
// The last, partial vector of a row is loaded into a zeroed full one and computed like every other, so that an
// element's bits do not depend on its place in the row.
#if defined(STARNEST_KERNELS_CPU_SIMD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STARNEST_KERNELS_CPU_SIMD_INL_H_
#undef STARNEST_KERNELS_CPU_SIMD_INL_H_
#else
#define STARNEST_KERNELS_CPU_SIMD_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/dtype.h"
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace starnest::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Lanes = hn::ScalableTag<float>;
using Vector = hn::Vec<Lanes>;

inline constexpr Lanes kLanes;
inline constexpr size_t kWidth = hn::MaxLanes(kLanes);  // floats per vector

HWY_INLINE Vector load(const float* p) { return hn::LoadU(kLanes, p); }
HWY_INLINE Vector load(const bf16* p) {
  const hn::Rebind<uint16_t, Lanes> narrow;
  const hn::Rebind<uint32_t, Lanes> wide;
  const auto bits = hn::PromoteTo(wide, hn::LoadU(narrow, reinterpret_cast<const uint16_t*>(p)));
  return hn::BitCast(kLanes, hn::ShiftLeft<16>(bits));
}

// E4M3. Subnormal codes count steps of 2^-9; of the others, exponent and mantissa move into place.
HWY_INLINE Vector load(const fp8* p) {
  const hn::Rebind<uint8_t, Lanes> narrow;
  const hn::Rebind<uint32_t, Lanes> wide;
  const hn::Rebind<int32_t, Lanes> whole;
  const auto bits = hn::PromoteTo(wide, hn::LoadU(narrow, reinterpret_cast<const uint8_t*>(p)));
  const auto magnitude = hn::And(bits, hn::Set(wide, 0x7fu));
  const Vector normal = hn::BitCast(kLanes, hn::Add(hn::ShiftLeft<20>(magnitude), hn::Set(wide, 120u << 23)));
  const Vector steps = hn::Mul(hn::ConvertTo(kLanes, hn::BitCast(whole, magnitude)), hn::Set(kLanes, 0x1p-9f));
  const auto is_small = hn::RebindMask(kLanes, hn::Lt(magnitude, hn::Set(wide, 8u)));
  const auto sign = hn::ShiftLeft<24>(hn::And(bits, hn::Set(wide, 0x80u)));
  const auto is_nan = hn::RebindMask(kLanes, hn::Eq(magnitude, hn::Set(wide, 0x7fu)));
  const Vector number = hn::Or(hn::IfThenElse(is_small, steps, normal), hn::BitCast(kLanes, sign));
  return hn::IfThenElse(is_nan, hn::NaN(kLanes), number);
}

// The first n < kWidth numbers, then zeros.
template <class Number>
HWY_INLINE Vector load_part(const Number* p, size_t n) {
  HWY_ALIGN Number padded[kWidth] = {};
  std::copy_n(p, n, padded);
  return load(padded);
}

HWY_INLINE void store(Vector v, float* p) { hn::StoreU(v, kLanes, p); }
HWY_INLINE void store_part(Vector v, float* p, size_t n) {
  HWY_ALIGN float full[kWidth];
  hn::Store(v, kLanes, full);
  std::copy_n(full, n, p);
}

// body(i, count) for each vector of a row of n numbers: elements i .. i + count, count < kWidth in the last one only.
template <class Body>
HWY_INLINE void for_each_vector(size_t n, const Body& body) {
  size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) body(i, kWidth);
  if (i < n) body(i, n - i);
}
template <class Number>
HWY_INLINE Vector load_n(const Number* p, size_t n) {
  return n == kWidth ? load(p) : load_part(p, n);
}
HWY_INLINE void store_n(Vector v, float* p, size_t n) { n == kWidth ? store(v, p) : store_part(v, p, n); }

HWY_INLINE Vector broadcast(float x) { return hn::Set(kLanes, x); }
HWY_INLINE Vector zero() { return hn::Zero(kLanes); }

// Horizontal sums, always over the same tree: a vector's sum has the same bits alone and among four.
#if HWY_TARGET == HWY_SCALAR
HWY_INLINE void sums_of_four(Vector a, Vector b, Vector c, Vector d, float* sums) {
  sums[0] = hn::GetLane(a), sums[1] = hn::GetLane(b), sums[2] = hn::GetLane(c), sums[3] = hn::GetLane(d);
}
HWY_INLINE float sum_of(Vector v) { return hn::GetLane(v); }
#else
// Folds the upper half onto the lower one until four lanes are left.
template <class D>
HWY_INLINE auto fold_to_four(D, hn::Vec<D> v) {
  if constexpr (hn::MaxLanes(D()) > 4) {
    const hn::Half<D> half;
    return fold_to_four(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  } else {
    return v;
  }
}
HWY_INLINE void sums_of_four(Vector a, Vector b, Vector c, Vector d, float* sums) {
  const hn::Repartition<double, Lanes> pairs;
  const auto interleaved = [](Vector v, Vector w) HWY_ATTR {  // per four lanes: v0+v2 w0+w2 v1+v3 w1+w3
    return hn::Add(hn::InterleaveLower(kLanes, v, w), hn::InterleaveUpper(kLanes, v, w));
  };
  const auto ab = hn::BitCast(pairs, interleaved(a, b));
  const auto cd = hn::BitCast(pairs, interleaved(c, d));
  const Vector low = hn::BitCast(kLanes, hn::InterleaveLower(pairs, ab, cd));
  const Vector high = hn::BitCast(kLanes, hn::InterleaveUpper(pairs, ab, cd));
  hn::StoreU(fold_to_four(kLanes, hn::Add(low, high)), hn::FixedTag<float, 4>(), sums);
}
HWY_INLINE float sum_of(Vector v) {
  float sums[4];
  sums_of_four(v, v, v, v, sums);
  return sums[0];
}
#endif

// x / (1 + exp(-x)). The exponential is cut off at exp(88), just below the largest float.
HWY_INLINE Vector silu(Vector x) {
  const Vector e = hn::Exp(kLanes, hn::Min(hn::Neg(x), broadcast(88.0f)));
  return hn::Div(x, hn::Add(broadcast(1.0f), e));
}

}  // namespace starnest::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
