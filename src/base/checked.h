// Size arithmetic on numbers from outside: overflow is reported, never wrapped.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace starnest {

inline std::optional<uint64_t> checked_mul(uint64_t a, uint64_t b) {
  uint64_t product;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

inline std::optional<uint64_t> checked_add(uint64_t a, uint64_t b) {
  uint64_t sum;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

// Product of all extents (1 for none).
inline std::optional<uint64_t> checked_product(std::span<const uint64_t> extents) {
  std::optional<uint64_t> product = 1;
  for (const uint64_t extent : extents) {
    product = checked_mul(*product, extent);
    if (!product) return std::nullopt;
  }
  return product;
}

}  // namespace starnest
