// Functions of one number, in the form that all back ends without a table of their own use.
#pragma once

#include <algorithm>
#include <cmath>

namespace starnest {

inline float relu2(float x) { return std::max(x, 0.0f) * std::max(x, 0.0f); }
inline float sigmoid(float x) { return 1 / (1 + std::exp(-x)); }
inline float silu(float x) { return x / (1 + std::exp(-x)); }
inline float softplus(float x) { return x > 20 ? x : std::log1p(std::exp(x)); }

}  // namespace starnest
