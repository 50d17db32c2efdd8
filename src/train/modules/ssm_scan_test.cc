#include "train/modules/ssm_scan.h"

#include <gtest/gtest.h>

namespace starnest::train {
namespace {

struct Inputs {
  Tensor x, dt, decay, B, C;
  std::vector<Tensor> all() const { return {x, dt, decay, B, C}; }
};

Inputs random_inputs(int64_t T, torch::ScalarType dtype) {
  torch::manual_seed(7);
  const auto options = torch::dtype(dtype);
  Inputs in{torch::randn({2, T, 6, 5}, options), torch::rand({2, T, 6}, options) * 0.5,
            -torch::rand({6}, options) * 4 - 0.1, torch::randn({2, T, 3, 4}, options),
            torch::randn({2, T, 3, 4}, options)};
  for (Tensor* tensor : {&in.x, &in.dt, &in.decay, &in.B, &in.C}) tensor->requires_grad_(true);
  return in;
}

// The recurrence as it is defined, token by token.
Tensor recurrence(const Inputs& in) {
  const int64_t heads_per_group = in.x.size(2) / in.B.size(2);
  const Tensor B = in.B.repeat_interleave(heads_per_group, 2), C = in.C.repeat_interleave(heads_per_group, 2);
  Tensor h = torch::zeros({in.x.size(0), in.x.size(2), in.x.size(3), in.B.size(3)}, in.x.options());
  std::vector<Tensor> y;
  for (int64_t t = 0; t < in.x.size(1); ++t) {
    const Tensor dt = in.dt.select(1, t);
    const Tensor added = (dt.unsqueeze(-1) * in.x.select(1, t)).unsqueeze(-1) * B.select(1, t).unsqueeze(2);
    h = (dt * in.decay).exp().unsqueeze(-1).unsqueeze(-1) * h + added;
    y.push_back((h * C.select(1, t).unsqueeze(2)).sum(-1));
  }
  return torch::stack(y, 1);
}

TEST(SsmScan, EqualsTheRecurrenceForEveryChunkLength) {
  const torch::NoGradGuard no_gradients;
  for (const int64_t T : {1, 2, 7, 64, 65, 100}) {
    const Inputs in = random_inputs(T, torch::kFloat);
    const Tensor expected = recurrence(in);
    for (const int64_t chunk : {1, 3, 8, 64, 200}) {
      const Tensor got = ssm_scan(in.x, in.dt, in.decay, in.B, in.C, {.chunk = chunk});
      ASSERT_EQ(got.sizes(), expected.sizes());
      EXPECT_LT(((got - expected).abs().max() / expected.abs().max()).item<double>(), 1e-5) << T << " by " << chunk;
    }
  }
}

TEST(SsmScan, GradientsEqualThoseOfTheRecurrence) {
  for (const int64_t chunk : {4, 11, 64}) {
    const Inputs in = random_inputs(11, torch::kDouble);
    const Tensor weight = torch::randn({2, 11, 6, 5}, torch::kDouble);
    const auto expected = torch::autograd::grad({(recurrence(in) * weight).sum()}, in.all());
    const Tensor y = ssm_scan(in.x, in.dt, in.decay, in.B, in.C, {.chunk = chunk});
    const auto got = torch::autograd::grad({(y * weight).sum()}, in.all());
    for (size_t i = 0; i < got.size(); ++i)
      EXPECT_LT(((got[i] - expected[i]).abs().max() / expected[i].abs().max()).item<double>(), 1e-10) << i;
  }
}

TEST(SsmScan, StrongDecayOverflowsNeitherValuesNorGradients) {
  Inputs in = random_inputs(64, torch::kFloat);
  const Tensor y = ssm_scan(in.x, in.dt * 100, in.decay * 10, in.B, in.C);
  const auto gradients = torch::autograd::grad({y.sum()}, in.all());
  EXPECT_TRUE(y.isfinite().all().item<bool>());
  for (const Tensor& gradient : gradients) EXPECT_TRUE(gradient.isfinite().all().item<bool>());
}

}  // namespace
}  // namespace starnest::train
