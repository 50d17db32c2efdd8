#include "train/distill/weight_average.h"

#include <algorithm>

#include "base/check.h"

namespace starnest::train {

void update_average(const Parameters& average, const Parameters& weights, double decay, int64_t step) {
  SN_CHECK(average.all().size() == weights.all().size(), "update_average: other parameters");
  const torch::NoGradGuard no_gradients;
  const double d = std::min(decay, double(1 + step) / double(10 + step));
  for (size_t i = 0; i < weights.all().size(); ++i) {
    const Parameter& to = average.all()[i];
    if (to.trained()) to.value.lerp_(weights.all()[i].value, 1 - d);
  }
}

}  // namespace starnest::train
