#include "kernels/read_memory.h"

#include <numeric>
#include <vector>

#include "base/rng.h"
#include "kernels/test_util.h"

namespace starnest {
namespace {

TEST(ReadMemory, SumsEveryWordOnceForAnyLengthStartAndThreads) {
  Rng rng(7);
  std::vector<uint64_t> words(5 * kReadGrain + 77);
  for (uint64_t& word : words) word = rng.next();
  test::for_each_back_end([&] {
    for (const int threads : {1, 2, 3}) {
      test::Machine machine(threads);
      std::vector<uint64_t> sums(size_t(threads), 99);
      for (const size_t start : {0u, 1u, 5u}) {
        for (const size_t n :
             {0u, 1u, 7u, 63u, 64u, 65u, 200u, unsigned(3 * kReadGrain + 1), unsigned(5 * kReadGrain)}) {
          const std::span<const uint64_t> part = std::span(words).subspan(start, n);
          read_memory(machine.exec, part, sums);
          EXPECT_EQ(std::accumulate(sums.begin(), sums.end(), uint64_t{0}),
                    std::accumulate(part.begin(), part.end(), uint64_t{0}))
              << "threads " << threads << " start " << start << " n " << n;
        }
      }
    }
  });
}

}  // namespace
}  // namespace starnest
