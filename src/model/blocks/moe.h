// A mixture of sigmoid-routed experts with one shared expert (DeepSeek-V3 routing, as Nemotron 3 uses it).
#pragma once

#include <vector>

#include "kernels/batch.h"
#include "kernels/exec.h"
#include "kernels/group.h"
#include "kernels/route.h"
#include "model/blocks/mlp.h"

namespace starnest {

struct Moe {
  PackedMatrix gate;               // [E, D]
  VecView<const float> gate_bias;  // [E]; selects, never weighs
  RouteParams routing;
  std::vector<PackedMatrix> up;    // E of [F, D]; experts that a size lacks come last
  std::vector<PackedMatrix> down;  // E of [D, F]
  Mlp shared;
  std::vector<size_t> experts, inner, hidden;  // E, F and D by shells

  // y = the output for u, both [>= T, >= D]. The shared expert comes first, then a token's experts by ascending number.
  void forward(const Exec& exec, const Batch& batch, MatView<const float> u, MatView<float> y) const;

 private:
  struct Chosen {
    MatView<int32_t> ids;    // [T, J]
    MatView<float> weights;  // [T, J]
  };
  Chosen choose(const Exec& exec, const Batch& batch, MatView<const float> u) const;
  // What the chosen experts give, one row per slot.
  MatView<float> run_experts(const Exec& exec, const Batch& batch, MatView<const float> u,
                             const ExpertGroups& groups) const;
};

}  // namespace starnest
