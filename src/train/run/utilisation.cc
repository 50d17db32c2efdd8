#include "train/run/utilisation.h"

#include <algorithm>
#include <chrono>

#include <torch/torch.h>

#include "arch/pass_cost.h"

namespace starnest::train {

double product_rate() {
  using Clock = std::chrono::steady_clock;
  constexpr int64_t kSize = 512;
  constexpr int kRounds = 10;
  const torch::NoGradGuard no_gradients;
  const torch::Tensor a = torch::ones({kSize, kSize});
  double best = 1e30;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = Clock::now();
    torch::mm(a, a);
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return 2.0 * kSize * kSize * kSize / best;
}

double forward_flops(const ModelSpec& spec, const Widths& widths) {
  const PassPart one_token{&widths, 1, 1};
  return pass_cost_of(spec, published_as(Encoding::f32, spec), {&one_token, 1}).flops;
}

}  // namespace starnest::train
