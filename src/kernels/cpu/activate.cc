#include "kernels/cpu/grain.h"
#include "kernels/cpu/targets.h"
#include "kernels/elementwise.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/activate.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace starnest::HWY_NAMESPACE {
namespace {

Vector relu2(Vector x) {
  const Vector positive = hn::Max(x, zero());
  return hn::Mul(positive, positive);
}

void activate_row(Activation activation, float* x, size_t width) {
  for_each_vector(width, [=](size_t i, size_t n) HWY_ATTR {
    const Vector v = load_n(x + i, n);
    store_n(activation == Activation::relu2 ? relu2(v) : silu(v), x + i, n);
  });
}

}  // namespace
}  // namespace starnest::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starnest {
namespace {

HWY_EXPORT(activate_row);

}  // namespace

void activate(const Exec& exec, Activation activation, MatView<float> x) {
  exec.pool.parallel_for(x.rows, grain_of(x.cols), [&](size_t begin, size_t end) {
    for (size_t t = begin; t < end; ++t) HWY_DYNAMIC_DISPATCH(activate_row)(activation, x.row(t), x.cols);
  });
}

}  // namespace starnest
#endif
