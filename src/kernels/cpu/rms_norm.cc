#include "kernels/rms_norm.h"

#include <cmath>

#include "kernels/cpu/grain.h"
#include "kernels/cpu/simd.h"
#include "kernels/cpu/table.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/rms_norm.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace starnest::cpu::HWY_NAMESPACE {
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

void norm_row(const float* x, const float* gain, size_t width, float eps, float* y) {
  const Vector scale = broadcast(1 / std::sqrt(sum_of_squares(x, width) / float(width) + eps));
  for_each_vector(width, [&](size_t i, size_t n) HWY_ATTR {
    store_n(hn::Mul(hn::Mul(load_n(x + i, n), scale), load_n(gain + i, n)), y + i, n);
  });
}

void rms_norm(const Exec& exec, const Batch& batch, ByShells widths, MatView<const float> x, VecView<const float> gain,
              float eps, MatView<float> y) {
  exec.pool.parallel_for(batch.rows(), grain_of(2 * batch.widest(widths)), [&](size_t begin, size_t end) HWY_ATTR {
    for_each_row(batch.spans, begin, end, [&](size_t t, size_t shells) HWY_ATTR {
      norm_row(x.row(t), gain.data, widths[shells - 1], eps, y.row(t));
    });
  });
}

}  // namespace
}  // namespace starnest::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starnest::cpu {
namespace {

HWY_EXPORT(rms_norm);

}  // namespace

void put_rms_norm(Ops& ops, Isa isa) { ops.rms_norm = STARNEST_OP_FOR(rms_norm, isa); }

}  // namespace starnest::cpu
#endif
