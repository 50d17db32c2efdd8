// A mixture of sigmoid-routed experts with one shared expert (DeepSeek-V3 routing, as Nemotron 3 uses it).
#pragma once

#include <vector>

#include "kernels/exec.h"
#include "kernels/route.h"
#include "kernels/weight.h"
#include "model/blocks/mlp.h"

namespace starnest {

struct Moe {
  WeightView gate;                 // [E, D]
  VecView<const float> gate_bias;  // [E]; selects, never weighs
  RouteParams routing;
  std::vector<Mlp> experts;  // E
  Mlp shared;

  // y = the output for u, both [T, D]. The shared expert comes first, then a token's experts by
  // ascending number.
  void forward(const Exec& exec, MatView<const float> u, MatView<float> y) const;
};

}  // namespace starnest
