// The weights of a Hugging Face model folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/weights/safetensors.h"

namespace starnest {

// Points into a Checkpoint, which must outlive it (a moved Checkpoint keeps its refs valid).
struct TensorRef {
  const TensorInfo* info;
  const SafetensorsFile* file;
  std::span<const std::byte> bytes() const { return file->bytes(*info); }
  void read_at(uint64_t offset, std::span<std::byte> out) const { file->read_at(*info, offset, out); }
};

// model.safetensors or, when that is absent, the shards named by model.safetensors.index.json (the order in which
// transformers looks). Immutable after construction, safe from any thread, movable.
//
// The index says which shard's copy of a tensor counts; copies in other shards are as if they were not there. A tensor
// that a shard holds and the index does not name counts, too.
//
// Throws Error for: neither file, a shard that is missing or whose name is not a plain file name, a tensor that the
// index names but its shard lacks, a tensor in two shards that the index does not name, and whatever SafetensorsFile
// refuses.
class Checkpoint {
 public:
  explicit Checkpoint(const std::filesystem::path& folder);

  const std::filesystem::path& folder() const { return folder_; }
  std::optional<TensorRef> find(std::string_view name) const;
  std::vector<TensorRef> tensors() const;                            // those that count, by name
  size_t superseded() const { return superseded_; }                  // tensors that do not count
  std::span<const SafetensorsFile> files() const { return files_; }  // by name; file.path().filename() is kept as found
  bool has_index() const;                                            // else it is the one file model.safetensors
  uint64_t total_bytes() const;                                      // of all files, headers not counted

 private:
  struct Entry {
    const TensorInfo* info;
    uint32_t file;
  };
  using ShardOf = std::map<std::string, std::string, std::less<>>;  // tensor name -> file name

  ShardOf open_shards(const std::filesystem::path& index);
  void index_tensors(const ShardOf& shard_of);

  std::filesystem::path folder_;
  std::vector<SafetensorsFile> files_;
  std::vector<Entry> by_name_;
  size_t superseded_ = 0;
};

// model.safetensors.index.json as transformers writes it.
struct WeightIndex {
  uint64_t total_size = 0;                      // bytes of tensor data in all shards
  std::map<std::string, std::string> shard_of;  // tensor name -> file name
};
void write_weight_index(const std::filesystem::path& folder, const WeightIndex& index);

// Whether `folder` holds model.safetensors or model.safetensors.index.json. Never throws for a missing folder.
bool has_weights(const std::filesystem::path& folder);

}  // namespace starnest
