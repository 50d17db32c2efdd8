// Writing GGUF, the one-file format of ggml and llama.cpp, tensor by tensor, without holding them in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/output.h"

namespace starnest {

// With the numbers that ggml gives them.
enum class GgmlType : uint32_t { f32 = 0, f16 = 1, q8_0 = 8, bf16 = 30, nvfp4 = 40 };

std::string_view name_of(GgmlType type);  // "F32", "Q8_0"

// Neighbours in a row that are stored together. A row is a multiple of them.
struct GgmlBlock {
  size_t numbers, bytes;
};
GgmlBlock block_of(GgmlType type);

using GgufValue =
    std::variant<uint32_t, float, bool, std::string, std::vector<int32_t>, std::vector<bool>, std::vector<std::string>>;
struct GgufKey {
  std::string name;
  GgufValue value;
};

struct GgufTensor {
  std::string name;
  GgmlType type = GgmlType::f32;
  std::vector<uint64_t> shape;  // outermost first; the file lists them the other way round

  uint64_t bytes() const;
};

// GGUF version 3, little-endian: keys and tensors in the order given, each tensor at a multiple of 32 bytes.
//
// Nothing appears at `path` before commit(); without it the temporary file is removed. Not thread-safe.
// Throws Error for: a key or tensor twice, a name that is too long for ggml or not UTF-8, a shape that ggml does not
// know or that overflows, and whatever AtomicFile meets. The caller knows that rows are whole blocks.
class GgufWriter {
 public:
  GgufWriter(const std::filesystem::path& path, std::span<const GgufKey> keys, std::vector<GgufTensor> tensors);

  void append(std::span<const std::byte> bytes);  // the next bytes of the tensors, in chunks of any length
  void commit();                                  // the caller has given bytes() bytes
  uint64_t bytes() const { return bytes_; }       // of all tensors, without what lies between them

 private:
  void pad();

  std::vector<GgufTensor> tensors_;
  uint64_t bytes_ = 0;
  size_t tensor_ = 0;     // that the next byte belongs to
  uint64_t written_ = 0;  // of it
  AtomicFile file_;
};

}  // namespace starnest
