#include "runtime/sampling.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "starnest/error.h"

namespace starnest {
namespace {

TokenId most_likely(VecView<const float> logits) {
  return TokenId(std::max_element(logits.data, logits.data + logits.size) - logits.data);
}

}  // namespace

void check(const Sampling& s) {
  if (!(s.temperature >= 0 && std::isfinite(s.temperature)))
    throw Error({.where = "temperature",
                 .what = "is out of range",
                 .expected = "at least 0",
                 .got = std::to_string(s.temperature)});
  if (s.top_k < 0)
    throw Error(
        {.where = "top-k", .what = "is out of range", .expected = "at least 0", .got = std::to_string(s.top_k)});
  if (!(s.top_p > 0 && s.top_p <= 1))
    throw Error({.where = "top-p",
                 .what = "is out of range",
                 .expected = "above 0 and at most 1",
                 .got = std::to_string(s.top_p)});
}

Sampler::Sampler(const Sampling& sampling) : sampling_(sampling), rng_(key_of(sampling.seed)) { check(sampling); }

TokenId Sampler::pick(VecView<const float> logits) {
  const TokenId likely = most_likely(logits);
  if (!std::isfinite(logits[size_t(likely)]))
    throw Error({.where = "logits", .what = "are not finite", .hint = "The weights hold NaN or numbers that overflow"});
  if (sampling_.temperature == 0) return likely;
  std::vector<TokenId> order(logits.size);
  std::iota(order.begin(), order.end(), 0);
  const size_t kept = sampling_.top_k ? std::min(size_t(sampling_.top_k), order.size()) : order.size();
  const auto more_likely = [&](TokenId a, TokenId b) {
    const float la = logits[size_t(a)], lb = logits[size_t(b)];
    return la != lb ? la > lb : a < b;
  };
  std::partial_sort(order.begin(), order.begin() + std::ptrdiff_t(kept), order.end(), more_likely);
  order.resize(kept);

  const double largest = logits[size_t(order[0])];
  std::vector<double> weights;
  for (const TokenId id : order) weights.push_back(std::exp((logits[size_t(id)] - largest) / sampling_.temperature));
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  double mass = 0;
  size_t nucleus = 0;
  while (nucleus < kept && (nucleus == 0 || mass < sampling_.top_p * total)) mass += weights[nucleus++];

  double draw = rng_.uniform() * mass;
  for (size_t i = 0; i < nucleus; ++i) {
    draw -= weights[i];
    if (draw < 0) return order[i];
  }
  return order[nucleus - 1];  // rounding left a remainder
}

}  // namespace starnest
