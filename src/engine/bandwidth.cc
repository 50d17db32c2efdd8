#include "engine/bandwidth.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <sys/mman.h>

#include "base/check.h"
#include "base/text.h"
#include "kernels/read_memory.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

// Fresh memory in 2 MiB pages, given back with the object. Pages appear where they are first written.
class HugeBlock {
 public:
  explicit HugeBlock(size_t bytes) : mapped_(bytes + kHugePage) {
    base_ = ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base_ == MAP_FAILED) throw Error("bandwidth probe", "no memory for " + bytes_text(bytes));
    const auto address = reinterpret_cast<uintptr_t>(base_);
    std::byte* start = static_cast<std::byte*>(base_) + (kHugePage - address % kHugePage) % kHugePage;
    ::madvise(start, bytes, MADV_HUGEPAGE);  // a wish: small pages are slower, not wrong
    words_ = {reinterpret_cast<uint64_t*>(start), bytes / sizeof(uint64_t)};
  }
  ~HugeBlock() { ::munmap(base_, mapped_); }
  HugeBlock(const HugeBlock&) = delete;
  HugeBlock& operator=(const HugeBlock&) = delete;

  std::span<uint64_t> words() const { return words_; }

 private:
  size_t mapped_;
  void* base_ = nullptr;
  std::span<uint64_t> words_;
};

}  // namespace

double read_bandwidth(ThreadPool& pool, size_t bytes, int rounds) {
  SN_CHECK(rounds >= 1, "read_bandwidth: rounds >= 1");
  const HugeBlock block(bytes);
  const std::span<uint64_t> words = block.words();
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
