// Reading safetensors: an 8-byte little-endian header length, a JSON header, then the bytes of all tensors.
// Format: https://github.com/huggingface/safetensors#format
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/dtype.h"
#include "core/base/file.h"

namespace starnest {

struct TensorInfo {
  std::string name;
  DType dtype;
  std::vector<uint64_t> shape;
  uint64_t begin, end;  // bytes in the data section
};

// One mapped file. Immutable after construction, safe from any thread; movable (infos and bytes stay where they are).
//
// The constructor throws Error naming file, tensor, expected and got unless: the header is at most 100 MB of strict
// JSON (no duplicate keys, per tensor exactly dtype, shape and data_offsets) with at most 1,000,000 tensors, dtypes are
// those of core/base/dtype.h, dtype x shape equals the tensor's bytes, and the tensors cover the data section in
// sequence without gap or overlap. Lengths are checked before anything of that length is allocated.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::filesystem::path& path);

  std::span<const TensorInfo> tensors() const { return tensors_; }   // in file (offset) order
  const TensorInfo* find(std::string_view name) const;               // nullptr when absent
  std::span<const std::byte> bytes(const TensorInfo& tensor) const;  // of a tensor of this file; not aligned in memory
  // Copies `out.size()` bytes of a tensor from byte `offset` of it, without mapping them in (MappedFile::read_at).
  void read_at(const TensorInfo& tensor, uint64_t offset, std::span<std::byte> out) const;
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  MappedFile file_;
  std::span<const std::byte> data_;
  std::vector<TensorInfo> tensors_;
  std::vector<uint32_t> by_name_;  // indices into tensors_, sorted by name
  std::map<std::string, std::string> metadata_;
};

// Limits of the format as read and written here.
inline constexpr uint64_t kMaxSafetensorsHeader = 100'000'000;  // bytes; the limit of the Rust reference
inline constexpr uint64_t kMaxSafetensorsTensors = 1'000'000;

}  // namespace starnest
