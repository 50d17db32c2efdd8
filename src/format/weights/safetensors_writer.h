// Writing safetensors, tensor by tensor, without holding them in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "base/output.h"

namespace starnest {

struct TensorHeader {
  std::string name;
  DType dtype;
  std::vector<uint64_t> shape;
};

// The file equals, byte for byte, what Python's safetensors 0.8 (the Rust serializer) writes for the same tensors and
// at most one metadata key (with more, theirs come in the random order of a hash map, ours sorted): tensors by dtype
// from wide to narrow, then by name; compact JSON; the header padded with spaces to a multiple of 8.
//
// Nothing appears at `path` before commit(); without it the temporary file is removed. Not thread-safe.
// Throws Error for: a name twice, a name or metadata that is not UTF-8, the name "__metadata__", more tensors or a
// longer header than SafetensorsFile reads, a shape that overflows, and whatever AtomicFile meets.
class SafetensorsWriter {
 public:
  SafetensorsWriter(const std::filesystem::path& path, std::vector<TensorHeader> tensors,
                    const std::map<std::string, std::string>& metadata);

  std::span<const TensorHeader> order() const { return tensors_; }  // the order in which bytes must be appended
  void append(std::span<const std::byte> bytes);  // the next bytes of the data section, in chunks of any length
  // Bytes of one tensor, in any order; each byte once, and none in a file to which something is appended.
  void put(std::string_view tensor, uint64_t offset, std::span<const std::byte> bytes);
  void commit();  // the caller has given data_bytes() bytes
  uint64_t data_bytes() const { return data_bytes_; }

 private:
  struct Place {
    uint64_t begin, end;  // in the file
  };

  std::vector<TensorHeader> tensors_;
  std::map<std::string, Place, std::less<>> places_;
  uint64_t data_bytes_ = 0;
  uint64_t written_ = 0;
  AtomicFile file_;
};

}  // namespace starnest
