#include "train/importance/rotation.h"

#include <gtest/gtest.h>

#include "starnest/error.h"
#include "train/modules/model.h"
#include "train/modules/test_models.h"

namespace starnest::train {
namespace {

Tensor outputs(const Parameters& weights) {
  const torch::NoGradGuard no_gradients;
  const Tensor ids = torch::arange(24).view({2, 12}).remainder(weights.spec().vocab);
  return logits(weights, {ids}, SizeContext::full());
}

// Norm weights away from 1, so that folding them matters.
Parameters model() {
  Parameters weights = test_models::random_weights(test_models::small_spec(true), torch::kDouble);
  for (const Parameter& parameter : weights.all())
    if (parameter.spec.role == Role::block_norm || parameter.spec.role == Role::final_norm)
      parameter.value.copy_(torch::linspace(0.5, 2, parameter.value.numel(), torch::kDouble));
  return weights;
}

TEST(Rotation, UnitNormsAndAnyOrthogonalMatrixKeepTheFunction) {
  const Parameters original = model(), unit = with_unit_norms(original);
  const Tensor expected = outputs(original);
  EXPECT_TRUE(outputs(unit).allclose(expected, 1e-9, 1e-9));
  torch::manual_seed(3);
  const int hidden = original.spec().hidden;
  const Tensor axes = std::get<0>(torch::linalg_qr(torch::randn({hidden, hidden}, torch::kDouble)));
  const Parameters turned = rotated(unit, axes);
  EXPECT_FALSE(turned(Role::embedding).allclose(unit(Role::embedding)));
  EXPECT_TRUE(outputs(turned).allclose(expected, 1e-9, 1e-9));
}

TEST(Rotation, AxesAreThoseOfTheLargestMoments) {
  ResidualMoments moments(3);
  moments.expect(torch::ones({1, 400}));
  torch::manual_seed(1);
  const Tensor draws = torch::randn({1, 400, 3}, torch::kDouble) * torch::tensor({1.0, 5.0, 0.1}, torch::kDouble);
  moments.block_input(0, draws);
  const Tensor axes = moments.axes().abs();
  EXPECT_GT(axes[1][0].item<double>(), 0.99);
  EXPECT_GT(axes[0][1].item<double>(), 0.99);
  EXPECT_GT(axes[2][2].item<double>(), 0.99);
}

TEST(Rotation, PositionsThatDoNotCountAreLeftOut) {
  ResidualMoments some(2);
  some.expect(torch::tensor({{1, 0}}));
  some.block_input(0, torch::tensor({{{1.0, 0.0}, {0.0, 9.0}}}, torch::kDouble));
  EXPECT_GT(some.axes().abs()[0][0].item<double>(), 0.99);
}

}  // namespace
}  // namespace starnest::train
