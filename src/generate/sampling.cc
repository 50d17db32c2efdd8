#include "generate/sampling.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "base/text.h"
#include "engine/logits.h"
#include "starnest/error.h"

namespace starnest {
namespace {

TokenId most_likely(VecView<const float> logits) {
  return TokenId(std::max_element(logits.data, logits.data + logits.size) - logits.data);
}

double sum(const std::vector<Candidate>& candidates) {
  return std::accumulate(candidates.begin(), candidates.end(), 0.0,
                         [](double total, const Candidate& c) { return total + c.probability; });
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

std::vector<Candidate> candidates(const Sampling& s, VecView<const float> logits) {
  require_finite(logits);
  const TokenId likely = most_likely(logits);
  if (s.temperature == 0) return {{likely, 1}};

  std::vector<Candidate> all(logits.size);
  double total = 0;
  for (size_t i = 0; i < logits.size; ++i) {
    all[i] = {TokenId(i), std::exp((double(logits[i]) - logits[size_t(likely)]) / s.temperature)};
    total += all[i].probability;
  }
  const auto more_likely = [](const Candidate& a, const Candidate& b) {
    return a.probability != b.probability ? a.probability > b.probability : a.id < b.id;
  };
  if (s.top_k && size_t(s.top_k) < all.size()) {
    std::partial_sort(all.begin(), all.begin() + s.top_k, all.end(), more_likely);
    all.resize(size_t(s.top_k));
    total = sum(all);
  }
  if (s.top_p < 1) {
    // All that are less likely than this hold less than 1 - top_p together, so the set never needs them.
    const double least = (1 - double(s.top_p)) * total / double(all.size());
    std::erase_if(all, [&](const Candidate& c) { return c.probability < least; });
    std::sort(all.begin(), all.end(), more_likely);
    size_t kept = 0;
    for (double mass = 0; kept < all.size() && mass < s.top_p * total; ++kept) mass += all[kept].probability;
    all.resize(std::max<size_t>(kept, 1));
  }
  if (s.min_p > 0) std::erase_if(all, [&](const Candidate& c) { return c.probability < s.min_p; });  // the largest is 1
  total = sum(all);
  for (Candidate& c : all) c.probability /= total;
  return all;
}

TokenId Sampler::pick(VecView<const float> logits) {
  const std::vector<Candidate> from = candidates(sampling_, logits);
  if (from.size() == 1) return from.front().id;
  double draw = rng_.uniform();
  for (const Candidate& candidate : from) {
    draw -= candidate.probability;
    if (draw < 0) return candidate.id;
  }
  return from.back().id;  // rounding left a remainder
}

}  // namespace starnest
