// Parameters to start training from.
#pragma once

#include <cstdint>

#include "train/modules/parameters.h"

namespace starnest::train {

// Reproducible on any machine: every number follows from (seed, parameter, element).
//   embedding                 N(0, 1): at 0.02 the block outputs drown the token's identity, and nothing is learned
//   matrices                  N(0, 1/fan_in); those that write to the residual stream (out, o, down) x 0.2
//   convolution               U(-0.5, 0.5), bias too
//   dt_bias                   inverse softplus of exp(U(log 0.001, log 0.1)), at least 1e-4
//   decay_log                 log(1 .. M), the published initialisation
//   skip, norms               1;  correction bias and other biases 0
Parameters initial_weights(const ModelSpec& spec, uint64_t seed);

}  // namespace starnest::train
