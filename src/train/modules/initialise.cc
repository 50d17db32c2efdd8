#include "train/modules/initialise.h"

#include <cmath>
#include <functional>

#include "base/rng.h"

namespace starnest::train {
namespace {

constexpr double kResidualWriters = 0.2;
constexpr double kDtLow = 0.001, kDtHigh = 0.1, kDtFloor = 1e-4;

double initial_dt_bias(Rng& rng) {
  const double dt = std::max(kDtFloor, std::exp(std::log(kDtLow) + rng.uniform() * std::log(kDtHigh / kDtLow)));
  return dt + std::log(-std::expm1(-dt));  // softplus of this is dt
}

bool writes_residual(Role role) {
  return role == Role::mamba_out || role == Role::attention_out || role == Role::down || role == Role::expert_down ||
         role == Role::shared_down;
}

// The value of element `index` (of the flattened parameter).
double initial_value(const Parameter& parameter, int64_t index, Rng& rng) {
  switch (parameter.spec.role) {
    case Role::embedding:
      return normal(rng);
    case Role::conv_taps:
    case Role::conv_bias:
      return rng.uniform() - 0.5;
    case Role::dt_bias:
      return initial_dt_bias(rng);
    case Role::decay_log:
      return std::log(double(index + 1));
    case Role::skip:
    case Role::block_norm:
    case Role::gated_norm:
    case Role::final_norm:
      return 1;
    case Role::gate_bias:
      return 0;
    default:
      break;
  }
  if (is_linear_bias(parameter.spec.role)) return 0;
  // A matrix [.., out, in].
  const double scale = writes_residual(parameter.spec.role) ? kResidualWriters : 1;
  return scale * normal(rng) / std::sqrt(double(parameter.value.size(-1)));
}

}  // namespace

Weights initial_weights(const ModelSpec& spec, uint64_t seed) {
  Weights weights(spec);
  for (size_t p = 0; p < weights.all().size(); ++p) {
    const Parameter& parameter = weights.all()[p];
    Rng rng(key_of(seed, p));
    float* values = parameter.value.data_ptr<float>();
    for (int64_t i = 0; i < parameter.value.numel(); ++i) values[i] = float(initial_value(parameter, i, rng));
  }
  return weights;
}

}  // namespace starnest::train
