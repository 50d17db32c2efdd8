// How much work is worth waking a thread for.
#pragma once

#include <algorithm>
#include <cstddef>

namespace starnest {

inline constexpr size_t kThreadWork =
    50'000;                             // multiply-adds, 1 us or more: the price of a hand-over (0.9 us measured)
inline constexpr size_t kExpWork = 20;  // multiply-adds that take as long as one scalar exp

// The grain for ThreadPool::parallel_for of items that cost `work` multiply-adds each.
inline size_t grain_of(size_t work) { return std::max<size_t>(1, kThreadWork / std::max<size_t>(work, 1)); }

}  // namespace starnest
