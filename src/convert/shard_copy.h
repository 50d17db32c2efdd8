// Streams kept bytes from mapped tensors into a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "convert/byte_runs.h"

namespace starnest {

// Gathers short runs in a buffer, writes long ones straight from the map, and gives pages that were read back to the
// system. `write` gets all bytes in their order.
class ShardCopy {
 public:
  using Write = std::function<void(std::span<const std::byte>)>;
  explicit ShardCopy(Write write);

  // The next tensor. `bytes` is the tensor in the source, part of a memory map.
  void tensor(std::span<const std::byte> bytes, std::span<const KeptDimension> dims, size_t element_bytes);

 private:
  void run(std::span<const std::byte> bytes);
  void flush();

  Write write_;
  std::vector<std::byte> buffer_;
};

}  // namespace starnest
