#include "kernels/read_memory.h"

#include <atomic>
#include <numeric>

#include "kernels/cpu/simd.h"
#include "kernels/cpu/table.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/read_memory.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace starnest::cpu::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Eight sums hide the latency of the additions behind the loads.
uint64_t sum_of(const uint64_t* words, size_t n) {
  const hn::ScalableTag<uint64_t> d;
  const size_t width = hn::Lanes(d);
  auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  size_t i = 0;
  for (; i + 8 * width <= n; i += 8 * width) {
    const uint64_t* p = words + i;
    s0 = hn::Add(s0, hn::LoadU(d, p));
    s1 = hn::Add(s1, hn::LoadU(d, p + width));
    s2 = hn::Add(s2, hn::LoadU(d, p + 2 * width));
    s3 = hn::Add(s3, hn::LoadU(d, p + 3 * width));
    s4 = hn::Add(s4, hn::LoadU(d, p + 4 * width));
    s5 = hn::Add(s5, hn::LoadU(d, p + 5 * width));
    s6 = hn::Add(s6, hn::LoadU(d, p + 6 * width));
    s7 = hn::Add(s7, hn::LoadU(d, p + 7 * width));
  }
  const auto low = hn::Add(hn::Add(s0, s1), hn::Add(s2, s3));
  const auto high = hn::Add(hn::Add(s4, s5), hn::Add(s6, s7));
  HWY_ALIGN uint64_t lanes[hn::MaxLanes(d)];
  hn::Store(hn::Add(low, high), d, lanes);
  return std::accumulate(words + i, words + n, std::accumulate(lanes, lanes + width, uint64_t{0}));
}

void read_memory(const Exec& exec, std::span<const uint64_t> words, std::span<uint64_t> sums) {
  for (uint64_t& sum : sums) sum = 0;
  std::atomic<size_t> next = 0;
  exec.pool.parallel_for(words.size(), kReadGrain, [&](size_t begin, size_t end) HWY_ATTR {
    sums[next++] = sum_of(words.data() + begin, end - begin);
  });
}

}  // namespace
}  // namespace starnest::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starnest::cpu {
namespace {

HWY_EXPORT(read_memory);

}  // namespace

void put_read_memory(Ops& ops, Isa isa) { ops.read_memory = STARNEST_OP_FOR(read_memory, isa); }

}  // namespace starnest::cpu
#endif
