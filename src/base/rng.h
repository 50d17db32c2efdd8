// A counter-based random generator: the value depends on the key and the counter only, so any draw can be repeated or
// skipped without replaying those before it. The mix is SplitMix64's finaliser applied to key and counter in turn
// (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <utility>

namespace starnest {

constexpr uint64_t mix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// A key derived from several numbers, e.g. key_of(seed, step, sample).
template <class... Parts>
constexpr uint64_t key_of(uint64_t first, Parts... rest) {
  uint64_t key = mix64(first);
  ((key = mix64(key ^ uint64_t(rest))), ...);
  return key;
}

// Not thread-safe; cheap to make, one per use.
class Rng {
 public:
  explicit constexpr Rng(uint64_t key, uint64_t counter = 0) : key_(key), counter_(counter) {}

  constexpr uint64_t next() { return mix64(key_ ^ mix64(counter_++)); }
  // Uniform in [0, 1), 53 bits.
  constexpr double uniform() { return double(next() >> 11) * 0x1.0p-53; }
  // Uniform in [0, bound); bound >= 1. The bias is below bound / 2^64.
  constexpr uint64_t below(uint64_t bound) { return uint64_t((__uint128_t(next()) * bound) >> 64); }
  // Uniform in [low, high].
  constexpr int between(int low, int high) { return low + int(below(uint64_t(high - low + 1))); }

 private:
  uint64_t key_;
  uint64_t counter_;
};

// Normal, mean 0 and spread 1 (Box-Muller; one number per two draws keeps it simple).
inline double normal(Rng& rng) {
  const double radius = std::sqrt(-2 * std::log(1 - rng.uniform()));
  return radius * std::cos(2 * std::numbers::pi * rng.uniform());
}

// Fisher-Yates, so that the order depends on `rng` only and not on the standard library. Draws size - 1 numbers.
template <class Sequence>
void shuffle(Sequence& items, Rng& rng) {
  for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[rng.below(i)]);
}

}  // namespace starnest
