// Streams kept bytes from mapped tensors into a safetensors file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "convert/byte_runs.h"
#include "format/weights/safetensors_writer.h"

namespace starnest {

// Gathers short runs in a buffer, writes long ones straight from the map, and gives pages that were read back to the
// system. `writer` must outlive it. `copied` gets the number of bytes written since it was called last.
class ShardCopy {
 public:
  ShardCopy(SafetensorsWriter& writer, std::function<void(uint64_t)> copied);

  // The next tensor in writer.order(). `bytes` is the tensor in the source, part of a memory map.
  void tensor(std::span<const std::byte> bytes, std::span<const KeptDimension> dims, size_t element_bytes);

 private:
  void run(std::span<const std::byte> bytes);
  void write(std::span<const std::byte> bytes);
  void flush();

  SafetensorsWriter& writer_;
  std::function<void(uint64_t)> copied_;
  std::vector<std::byte> buffer_;
};

}  // namespace starnest
