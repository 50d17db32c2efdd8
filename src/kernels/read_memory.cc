#include "kernels/read_memory.h"

#include "kernels/ops.h"

namespace starnest {

void read_memory(const Exec& exec, std::span<const uint64_t> words, std::span<uint64_t> sums) {
  SN_CHECK(sums.size() == size_t(exec.pool.threads()), "read_memory: one sum per thread");
  exec.device.ops().read_memory(exec, words, sums);
}

}  // namespace starnest
