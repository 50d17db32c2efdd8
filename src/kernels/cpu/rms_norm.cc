#include "kernels/rms_norm.h"

#include <cmath>

#include "kernels/cpu/grain.h"
#include "kernels/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/rms_norm.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace starnest::HWY_NAMESPACE {
namespace {

constexpr size_t kSums = 4;  // independent sums, to hide the latency of the multiply-add

float sum_of_squares(const float* x, size_t n) {
  Vector sums[kSums];
  for (Vector& sum : sums) sum = zero();
  size_t i = 0;
  for (; i + kSums * kWidth <= n; i += kSums * kWidth)
    for (size_t j = 0; j < kSums; ++j) {
      const Vector v = load(x + i + j * kWidth);
      sums[j] = hn::MulAdd(v, v, sums[j]);
    }
  for (; i < n; i += kWidth) {
    const Vector v = load_n(x + i, std::min(kWidth, n - i));
    sums[0] = hn::MulAdd(v, v, sums[0]);
  }
  return sum_of(hn::Add(hn::Add(sums[0], sums[1]), hn::Add(sums[2], sums[3])));
}

void rms_norm_row(const float* x, VecView<const float> gain, float eps, float* y) {
  const Vector scale = broadcast(1 / std::sqrt(sum_of_squares(x, gain.size) / float(gain.size) + eps));
  for_each_vector(gain.size, [&](size_t i, size_t n) HWY_ATTR {
    store_n(hn::Mul(hn::Mul(load_n(x + i, n), scale), load_n(gain.data + i, n)), y + i, n);
  });
}

}  // namespace
}  // namespace starnest::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starnest {
namespace {

HWY_EXPORT(rms_norm_row);

}  // namespace

void rms_norm(const Exec& exec, MatView<const float> x, VecView<const float> gain, float eps, MatView<float> y) {
  SN_CHECK(x.rows == y.rows && x.cols == y.cols && gain.size == x.cols, "rms_norm: shapes do not fit");
  exec.pool.parallel_for(x.rows, grain_of(2 * x.cols), [&](size_t begin, size_t end) {
    for (size_t t = begin; t < end; ++t) HWY_DYNAMIC_DISPATCH(rms_norm_row)(x.row(t), gain, eps, y.row(t));
  });
}

}  // namespace starnest
#endif
