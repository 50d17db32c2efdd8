#include "kernels/elementwise.h"

#include "kernels/cpu/grain.h"
#include "kernels/cpu/simd.h"
#include "kernels/cpu/table.h"
#include "kernels/scalar.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/elementwise.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace starnest::cpu::HWY_NAMESPACE {
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

void activate(const Exec& exec, const Batch& batch, ByShells widths, Activation activation, MatView<float> x) {
  exec.pool.parallel_for(batch.rows(), grain_of(batch.widest(widths)), [&](size_t begin, size_t end) HWY_ATTR {
    for_each_row(batch.spans, begin, end,
                 [&](size_t t, size_t shells) HWY_ATTR { activate_row(activation, x.row(t), widths[shells - 1]); });
  });
}

}  // namespace
}  // namespace starnest::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starnest::cpu {
namespace {

HWY_EXPORT(activate);

// Calls op(t, width) for every row of the batch; `work` is that of one number, in multiply-adds.
template <class Op>
void on_rows(const Exec& exec, const Batch& batch, ByShells widths, size_t work, const Op& op) {
  exec.pool.parallel_for(batch.rows(), grain_of(batch.widest(widths) * work), [&](size_t begin, size_t end) {
    for_each_row(batch.spans, begin, end, [&](size_t t, size_t shells) { op(t, widths[shells - 1]); });
  });
}

void add(const Exec& exec, const Batch& batch, ByShells widths, MatView<const float> x, MatView<float> y) {
  on_rows(exec, batch, widths, 1, [&](size_t t, size_t width) {
    for (size_t i = 0; i < width; ++i) y.row(t)[i] += x.row(t)[i];
  });
}

void add_bias(const Exec& exec, const Batch& batch, ByShells widths, VecView<const float> bias, MatView<float> y) {
  on_rows(exec, batch, widths, 1, [&](size_t t, size_t width) {
    for (size_t i = 0; i < width; ++i) y.row(t)[i] += bias[i];
  });
}

void softplus_add(const Exec& exec, const Batch& batch, ByShells widths, VecView<const float> bias, MatView<float> dt) {
  on_rows(exec, batch, widths, kExpWork, [&](size_t t, size_t width) {
    for (size_t m = 0; m < width; ++m) dt(t, m) = softplus(dt(t, m) + bias[m]);
  });
}

}  // namespace

void put_elementwise(Ops& ops, Isa isa) {
  ops.add = add;
  ops.add_bias = add_bias;
  ops.activate = STARNEST_OP_FOR(activate, isa);
  ops.softplus_add = softplus_add;
}

}  // namespace starnest::cpu
#endif
