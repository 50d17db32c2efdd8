// A plain read of memory, as fast as this machine delivers it: what matrix-vector products are measured against.
#pragma once

#include <cstdint>
#include <span>

#include "base/view.h"
#include "kernels/exec.h"

namespace starnest {

// sums[0] + ... + sums[n-1] = the sum of all words, modulo 2^64
//
// words  of any number and alignment; each is loaded once, in ascending order within its thread's range
// sums   one per thread of the pool; those of threads that had no words are 0
// Threads split the words as ThreadPool::parallel_for(words.size(), kReadGrain) does: memory first written through the
// same call lies near the thread that reads it. The widest vectors of the instruction set, no software prefetch (it
// lowers the rate). No scratch. Checked here: one sum per thread (abort).
inline constexpr size_t kReadGrain = size_t{1} << 13;
void read_memory(const Exec& exec, std::span<const uint64_t> words, std::span<uint64_t> sums);

}  // namespace starnest
