#include "train/modules/causal_conv.h"

#include <gtest/gtest.h>

namespace starnest::train {
namespace {

using torch::Tensor;

// Tap by tap in ATen, as the equation reads.
Tensor written_out(const Tensor& x, const Tensor& taps, const Tensor& bias, const Tensor& segments) {
  const int64_t W = taps.size(2), T = x.size(1);
  Tensor y = torch::zeros_like(x);
  for (int64_t w = 0; w < W; ++w) {
    const int64_t back = W - 1 - w;
    if (back >= T) continue;
    Tensor earlier = x.narrow(1, 0, T - back);
    if (segments.defined())
      earlier = earlier * segments.narrow(1, back, T - back).eq(segments.narrow(1, 0, T - back)).unsqueeze(-1);
    y = y + torch::constant_pad_nd(earlier, {0, 0, back, 0}) * taps.select(2, w).squeeze(1);
  }
  return bias.defined() ? y + bias : y;
}

TEST(CausalConv, EqualsItsEquationInValuesAndGradients) {
  torch::manual_seed(4);
  const auto random = [](torch::IntArrayRef shape) { return torch::randn(shape, torch::kDouble).requires_grad_(true); };
  const Tensor packed = torch::tensor({{0, 0, 1, 1, 1, 2, 3}, {0, 0, 0, 0, 0, 0, 0}, {0, 1, 2, 2, 2, 2, 2}});
  for (const int64_t T : {int64_t{7}, int64_t{2}})
    for (const Tensor& segments : {Tensor(), packed.narrow(1, 0, T)})
      for (const bool with_bias : {true, false}) {
        const Tensor whole = random({3, T, 9}), taps = random({5, 1, 4}), bias = with_bias ? random({5}) : Tensor();
        const Tensor x = whole.narrow(2, 3, 5),
                     g = torch::randn({3, T, 5}, torch::kDouble);  // a slice, as in the block
        const std::vector<Tensor> inputs =
            with_bias ? std::vector<Tensor>{whole, taps, bias} : std::vector<Tensor>{whole, taps};
        const Tensor y = causal_conv(x, taps, bias, segments), expected = written_out(x, taps, bias, segments);
        EXPECT_TRUE(y.allclose(expected, 1e-12, 1e-12));
        const auto got = torch::autograd::grad({y}, inputs, {g}), want = torch::autograd::grad({expected}, inputs, {g});
        for (size_t i = 0; i < inputs.size(); ++i) EXPECT_TRUE(got[i].allclose(want[i], 1e-12, 1e-12)) << i;
      }
}

}  // namespace
}  // namespace starnest::train
