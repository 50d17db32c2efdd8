#include "runtime/sampling.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "core/base/text.h"
#include "starnest/error.h"

namespace starnest {
namespace {

TokenId most_likely(VecView<const float> logits) {
  return TokenId(std::max_element(logits.data, logits.data + logits.size) - logits.data);
}

std::string as_flag(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

}  // namespace

void check(const Sampling& s, const std::function<std::string(const char*)>& place) {
  const auto require = [&](bool holds, const char* name, const char* expected, double got) {
    if (holds) return;
    throw Error({.where = place ? place(name) : as_flag(name),
                 .what = "is out of range",
                 .expected = expected,
                 .got = format_number("%g", got)});
  };
  require(s.temperature >= 0 && std::isfinite(s.temperature), "temperature", "at least 0", s.temperature);
  require(s.top_k >= 0, "top_k", "at least 0", s.top_k);
  require(s.top_p > 0 && s.top_p <= 1, "top_p", "above 0 and at most 1", s.top_p);
  require(s.min_p >= 0 && s.min_p <= 1, "min_p", "0 to 1", s.min_p);
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

  const double largest = logits[size_t(order[0])];  // so the first weight is 1
  std::vector<double> weights;
  for (const TokenId id : order) weights.push_back(std::exp((logits[size_t(id)] - largest) / sampling_.temperature));
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  double mass = 0;
  size_t chosen = 0;
  const auto stays = [&](size_t i) { return mass < sampling_.top_p * total && weights[i] >= sampling_.min_p; };
  while (chosen < kept && (chosen == 0 || stays(chosen))) mass += weights[chosen++];

  double draw = rng_.uniform() * mass;
  for (size_t i = 0; i < chosen; ++i) {
    draw -= weights[i];
    if (draw < 0) return order[i];
  }
  return order[chosen - 1];  // rounding left a remainder
}

}  // namespace starnest
