// How fast a device reads its memory: the yardstick for decoding, which reads every weight in use once per token.
#pragma once

#include <cstddef>

#include "kernels/exec.h"

namespace starnest {

// What the published numbers use: far larger than any cache.
inline constexpr size_t kProbeBytes = size_t{2} << 30;
inline constexpr int kProbeRounds = 5;

// Bytes per second of a plain read by all threads of `pool`: one sequential stream per thread over memory of its own in
// 2 MiB pages (where the system grants them), the best of `rounds` >= 1 passes. `bytes` is the memory of all threads
// together, taken for the call; below a few times the last cache's size the caches are measured instead. Takes
// rounds * bytes / bandwidth plus about a second for 2 GiB of fresh memory. Throws Error when there is no such memory.
double read_bandwidth(Device& device, ThreadPool& pool, size_t bytes = kProbeBytes, int rounds = kProbeRounds);

}  // namespace starnest
