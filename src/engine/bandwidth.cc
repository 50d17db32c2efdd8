#include "engine/bandwidth.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "base/check.h"
#include "base/pages.h"
#include "kernels/read_memory.h"

namespace starnest {
double read_bandwidth(ThreadPool& pool, size_t bytes, int rounds) {
  SN_CHECK(rounds >= 1, "read_bandwidth: rounds >= 1");
  const Pages block(bytes);
  const std::span<uint64_t> words(reinterpret_cast<uint64_t*>(block.data()), bytes / sizeof(uint64_t));
  pool.parallel_for(words.size(), kReadGrain, [&](size_t begin, size_t end) {
    std::fill(words.begin() + ptrdiff_t(begin), words.begin() + ptrdiff_t(end), uint64_t{1});
  });
  Arena arena;
  std::vector<uint64_t> sums(size_t(pool.threads()));
  double best = std::numeric_limits<double>::infinity();
  for (int round = 0; round < rounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    read_memory({pool, arena}, words, sums);
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return double(words.size_bytes()) / best;
}

}  // namespace starnest
