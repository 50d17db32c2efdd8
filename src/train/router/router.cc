#include "train/router/router.h"

#include <algorithm>
#include <cmath>

#include "base/range.h"
#include "base/rng.h"

namespace starnest::train {
namespace {

using torch::Tensor;

constexpr double kSlope = 0.1;  // of the leaky ReLU

Tensor normal_weights(int64_t rows, int64_t columns, double deviation, uint64_t key) {
  Rng rng(key);
  Tensor weights = torch::empty({rows, columns});
  float* data = weights.data_ptr<float>();
  for (int64_t i = 0; i < weights.numel(); ++i) {  // Box and Muller
    const double radius = std::sqrt(-2 * std::log(1 - rng.uniform()));
    data[i] = float(deviation * radius * std::cos(2 * M_PI * rng.uniform()));
  }
  return weights.requires_grad_(true);
}

// The coin of hard passes must not be any list's noise.
constexpr uint64_t kCoin = ~uint64_t{0};

}  // namespace

void check(const RouterSettings& settings) {
  require_at_least("--router-steps", settings.steps, 0);
  require_real("--router-rate", settings.rate, {});
  require_at_least("--router-warm-up", settings.warm_up, 0);
  require_real("--router-clip", settings.clip, {.without_low = true});
  require_range("--router-inner", settings.inner, 1, 1 << 16);
  require_real("--router-deviation", settings.deviation, {.high = 100, .without_low = true});
  require_real("--router-final-temperature", settings.final_temperature, {.high = 100, .without_low = true});
  require_real("--router-final-scale", settings.final_scale, {.high = 1000, .without_low = true});
  require_real("--router-hard", settings.hard, {.high = 1});
}

Draw draw_of_step(const RouterSettings& settings, int64_t step, int64_t steps, uint64_t key) {
  const double progress = steps > 1 ? std::min(1.0, double(step) / double(steps - 1)) : 1.0;
  return {.temperature = std::pow(settings.final_temperature, progress),
          .scale = 1 + (settings.final_scale - 1) * progress,
          .key = key,
          .hard = settings.hard};
}

double gumbel_noise(uint64_t key, uint64_t index) {
  const double uniform = Rng(key, index).uniform();
  return -std::log(-std::log(std::max(uniform, 1e-300)));
}

Tensor choose(const Tensor& logits, const Draw& draw, uint64_t list) {
  Tensor z = logits * draw.scale;
  if (draw.key) {
    const uint64_t key = key_of(*draw.key, list);
    std::vector<double> noise;
    for (int64_t i = 0; i < logits.numel(); ++i) noise.push_back(gumbel_noise(key, uint64_t(i)));
    z = z + torch::tensor(noise, logits.options().requires_grad(false));
  }
  const Tensor pi = torch::softmax(z / draw.temperature, -1);
  const bool hard = draw.key && Rng(key_of(*draw.key, kCoin)).uniform() < draw.hard;
  if (!hard) return pi;
  const Tensor argmax = torch::zeros_like(pi).scatter(0, pi.argmax().unsqueeze(0), 1.0);
  return argmax + pi - pi.detach();
}

Router::Router(const Choices& choices, size_t budgets, const RouterSettings& settings, uint64_t seed) {
  for (size_t list = 0; list < choices.lists(); ++list) {
    parameters_.push_back(
        normal_weights(settings.inner, int64_t(budgets), settings.deviation, key_of(seed, list, uint64_t{0})));
    parameters_.push_back(normal_weights(int64_t(choices.count(list)), settings.inner, settings.deviation,
                                         key_of(seed, list, uint64_t{1})));
  }
}

std::vector<Tensor> Router::logits(size_t budget) const {
  std::vector<Tensor> logits;
  for (size_t p = 0; p < parameters_.size(); p += 2) {
    const Tensor code = parameters_[p].select(1, int64_t(budget));  // the product with a one-hot
    logits.push_back(torch::mv(parameters_[p + 1], torch::leaky_relu(code, kSlope)));
  }
  return logits;
}

std::vector<Tensor> Router::probabilities(size_t budget, const Draw& draw) const {
  std::vector<Tensor> all = logits(budget);
  Draw own = draw;
  if (draw.key) own.key = key_of(*draw.key, budget);
  for (size_t list = 0; list < all.size(); ++list) all[list] = choose(all[list], own, list);
  return all;
}

}  // namespace starnest::train
