// For tests only: checkpoints as tensors in memory.
#pragma once

#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "base/rng.h"
#include "format/weights/checkpoint.h"
#include "format/weights/safetensors_writer.h"

namespace starnest {

struct TensorBytes {
  DType dtype = DType::f32;
  std::vector<uint64_t> shape;
  std::vector<std::byte> bytes;
  bool operator==(const TensorBytes&) const = default;
};
using StoredTensors = std::map<std::string, TensorBytes>;

inline uint64_t product(const std::vector<uint64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), uint64_t{1}, std::multiplies<>());
}

// Bytes that tell every element of every tensor apart.
inline TensorBytes pattern(const std::string& name, DType dtype, std::vector<uint64_t> shape) {
  TensorBytes stored{dtype, std::move(shape), {}};
  const size_t width = size_of(dtype);
  stored.bytes.resize(product(stored.shape) * width);
  const uint64_t key = std::hash<std::string>{}(name);
  for (size_t i = 0; i < stored.bytes.size() / width; ++i) {
    const uint64_t value = mix64(key + i);
    std::memcpy(stored.bytes.data() + i * width, &value, width);
  }
  return stored;
}

inline void write_shard(const std::filesystem::path& file, const StoredTensors& tensors) {
  std::vector<TensorHeader> headers;
  for (const auto& [name, stored] : tensors) headers.push_back({name, stored.dtype, stored.shape});
  SafetensorsWriter writer(file, std::move(headers), {{"format", "pt"}});
  for (const TensorHeader& header : writer.order()) writer.append(tensors.at(header.name).bytes);
  writer.commit();
}

inline StoredTensors read_tensors(const std::filesystem::path& folder) {
  const Checkpoint checkpoint(folder);
  StoredTensors tensors;
  for (const SafetensorsFile& file : checkpoint.files()) {
    for (const TensorInfo& info : file.tensors()) {
      const auto bytes = file.bytes(info);
      tensors[info.name] = {info.dtype, info.shape, {bytes.begin(), bytes.end()}};
    }
  }
  return tensors;
}

}  // namespace starnest
