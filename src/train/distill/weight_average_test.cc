#include "train/distill/weight_average.h"

#include <gtest/gtest.h>

#include "train/modules/test_models.h"

namespace starnest::train {
namespace {

TEST(WeightAverage, FollowsItsFormulaAndLeavesCorrectionBiasesAlone) {
  const ModelSpec spec = test_models::small_spec();
  const Parameters average = test_models::random_weights(spec, torch::kDouble, 1);
  const Parameters weights = test_models::random_weights(spec, torch::kDouble, 2);
  const Parameters before = average.clone();
  update_average(average, weights, 0.9, 0);     // (1 + 0) / (10 + 0)
  update_average(average, weights, 0.9, 1000);  // 0.9
  for (size_t i = 0; i < average.all().size(); ++i) {
    const Tensor& a = before.all()[i].value;
    const Tensor& w = weights.all()[i].value;
    const Tensor expected = average.all()[i].trained() ? w + (a - w) * 0.1 * 0.9 : a;
    EXPECT_TRUE(average.all()[i].value.allclose(expected, 1e-12, 1e-12)) << i;
  }
}

}  // namespace
}  // namespace starnest::train
