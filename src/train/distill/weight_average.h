// An exponential moving average of the weights: what is measured and written when it is on.
#pragma once

#include "train/modules/parameters.h"

namespace starnest::train {

// average <- average + (1 - d) (weights - average), d = min(decay, (1 + step) / (10 + step)): the first steps count for
// little, so the average does not hang on the start. `step` counts from 0; both models have one spec.
void update_average(const Parameters& average, const Parameters& weights, double decay, int64_t step);

}  // namespace starnest::train
