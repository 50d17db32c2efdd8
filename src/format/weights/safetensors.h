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

#include "base/dtype.h"
#include "base/file.h"

namespace starnest {

struct TensorInfo {
  std::string name;
  DType dtype;
  std::vector<uint64_t> shape;
  uint64_t begin, end;  // bytes in the data section
};

// Where the tensors of a file lie.
struct SafetensorsLayout {
  std::vector<TensorInfo> tensors;  // in file (offset) order
  std::vector<uint32_t> by_name;    // indices into tensors, sorted by name
  std::map<std::string, std::string> metadata;
  size_t data_begin = 0;  // of the data section in the file
};

// Reads and checks the header of a whole file; `path` is for messages. Throws Error naming file, tensor, expected and
// got unless: the header is at most 100 MB of strict JSON (no duplicate keys, per tensor exactly dtype, shape and
// data_offsets) with at most 1,000,000 tensors, dtypes are those of base/dtype.h, dtype x shape equals the
// tensor's bytes, and the tensors cover the data section in sequence without gap or overlap. Lengths are checked before
// anything of that length is allocated.
SafetensorsLayout parse_safetensors(std::span<const std::byte> file, const std::filesystem::path& path);

// One mapped file. Immutable after construction, safe from any thread; movable (infos and bytes stay where they are).
// The constructor throws what parse_safetensors throws.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::filesystem::path& path);

  std::span<const TensorInfo> tensors() const { return layout_.tensors; }  // in file (offset) order
  const TensorInfo* find(std::string_view name) const;                     // nullptr when absent
  std::span<const std::byte> bytes(const TensorInfo& tensor) const;  // of a tensor of this file; not aligned in memory
  // Copies `out.size()` bytes of a tensor from byte `offset` of it, without mapping them in (MappedFile::read_at).
  void read_at(const TensorInfo& tensor, uint64_t offset, std::span<std::byte> out) const;
  const std::map<std::string, std::string>& metadata() const { return layout_.metadata; }
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  MappedFile file_;
  SafetensorsLayout layout_;
};

// Limits of the format as read and written here.
inline constexpr uint64_t kMaxSafetensorsHeader = 100'000'000;  // bytes; the limit of the Rust reference
inline constexpr uint64_t kMaxSafetensorsTensors = 1'000'000;

}  // namespace starnest
