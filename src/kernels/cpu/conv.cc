#include "kernels/conv.h"

#include "kernels/cpu/grain.h"
#include "kernels/cpu/targets.h"
#include "kernels/ref/conv.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/conv.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace starnest::HWY_NAMESPACE {
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

// n <= kWidth channels from c, all tokens; the last `width` inputs stay in registers.
template <size_t width>
void conv_channels(MatView<const float> x, MatView<const float> taps, VecView<const float> bias, MatView<float> history,
                   MatView<float> y, size_t c, size_t n) {
  Vector tap[width], in[width];
  load_taps<width>(taps, c, n, tap);
  for (size_t j = 0; j + 1 < width; ++j) in[j] = load_n(history.row(j) + c, n);
  const Vector start = bias.size > 0 ? load_n(bias.data + c, n) : zero();
  for (size_t t = 0; t < x.rows; ++t) {
    in[width - 1] = load_n(x.row(t) + c, n);
    Vector sum = start;
    for (size_t j = 0; j < width; ++j) sum = hn::MulAdd(tap[j], in[j], sum);
    store_n(silu(sum), y.row(t) + c, n);
    for (size_t j = 0; j + 1 < width; ++j) in[j] = in[j + 1];
  }
  for (size_t j = 0; j + 1 < width; ++j) store_n(in[j], history.row(j) + c, n);
}

void conv_part(MatView<const float> x, MatView<const float> taps, VecView<const float> bias, MatView<float> history,
               MatView<float> y, size_t begin, size_t end) {
  const auto channels = taps.cols == 2 ? conv_channels<2> : taps.cols == 3 ? conv_channels<3> : conv_channels<4>;
  for_each_vector(end - begin, [&](size_t i, size_t n) HWY_ATTR { channels(x, taps, bias, history, y, begin + i, n); });
}

}  // namespace
}  // namespace starnest::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starnest {
namespace {

HWY_EXPORT(conv_part);

}  // namespace

void causal_conv_silu(const Exec& exec, MatView<const float> x, MatView<const float> taps, VecView<const float> bias,
                      MatView<float> history, MatView<float> y) {
  const size_t C = x.cols, W = taps.cols;
  SN_CHECK(y.rows == x.rows && y.cols == C && taps.rows == C && W >= 1, "causal_conv_silu: shapes do not fit");
  SN_CHECK(history.rows == W - 1 && (W == 1 || history.cols == C), "causal_conv_silu: history is not [W-1, C]");
  SN_CHECK(bias.size == 0 || bias.size == C, "causal_conv_silu: one bias per channel");
  if (W < 2 || W > 4) return ref::causal_conv_silu(x, taps, bias, history, y);
  exec.pool.parallel_for(C, grain_of((x.rows + 1) * 2 * W), [&](size_t begin, size_t end) {
    HWY_DYNAMIC_DISPATCH(conv_part)(x, taps, bias, history, y, begin, end);
  });
}

}  // namespace starnest
#endif
