#include "train/run/run_checkpoints.h"

#include <span>
#include <vector>

#include "base/text.h"
#include "format/weights/safetensors_writer.h"
#include "format/weights/sha256.h"
#include "starnest/error.h"

namespace starnest::train {
namespace {

constexpr const char* kDigestKey = "sha256";

using Metadata = std::map<std::string, std::string>;

void add_metadata(Sha256& digest, const Metadata& metadata) {
  for (const auto& [key, value] : metadata)
    if (key != kDigestKey) digest.update(key + "\n" + value + "\n");
}

void add_tensor(Sha256& digest, const std::string& name, std::span<const std::byte> bytes) {
  digest.update(name + "\n");
  digest.update(bytes);
}

std::span<const std::byte> bytes_of(const Tensor& contiguous) {
  return {static_cast<const std::byte*>(contiguous.data_ptr()), size_t(contiguous.numel()) * sizeof(float)};
}

void check_whole(const SafetensorsFile& file) {
  const auto expected = file.metadata().find(kDigestKey);
  if (expected == file.metadata().end()) throw Error(file.path().string(), "is not a checkpoint of a training run");
  Sha256 digest;
  add_metadata(digest, file.metadata());
  for (const TensorInfo& tensor : file.tensors()) add_tensor(digest, tensor.name, file.bytes(tensor));
  const std::string got = digest.hex();
  if (got != expected->second)
    throw Error({.where = file.path().string(),
                 .what = "is damaged: its bytes are not those that were written",
                 .expected = "SHA-256 " + expected->second,
                 .got = got});
}

}  // namespace

bool RunCheckpoints::any() const { return std::filesystem::exists(newest()) || std::filesystem::exists(previous()); }

SafetensorsFile RunCheckpoints::read(const std::function<void(const std::string&)>& note) {
  const auto whole = [](const std::filesystem::path& path) {
    SafetensorsFile file(path);
    check_whole(file);
    return file;
  };
  newest_is_damaged_ = false;
  if (!std::filesystem::exists(previous())) return whole(newest());
  try {
    return whole(newest());
  } catch (const Error& error) {
    SafetensorsFile file = whole(previous());
    newest_is_damaged_ = true;  // and must not take the place of the one before it
    note(std::string(error.what()) + " Going on from the checkpoint before it, " + previous().string() + ".");
    return file;
  }
}

void RunCheckpoints::write(const std::map<std::string, Tensor>& tensors, Metadata metadata) {
  std::map<std::string, Tensor> dense;
  std::vector<TensorHeader> headers;
  for (const auto& [name, tensor] : tensors) {
    dense[name] = tensor.contiguous();
    headers.push_back({name, DType::f32, std::vector<uint64_t>(tensor.sizes().begin(), tensor.sizes().end())});
  }
  Sha256 digest;
  add_metadata(digest, metadata);
  for (const auto& [name, tensor] : dense) add_tensor(digest, name, bytes_of(tensor));  // by name, as in the file
  metadata[kDigestKey] = digest.hex();

  SafetensorsWriter writer(newest(), std::move(headers), metadata);
  for (const TensorHeader& header : writer.order()) writer.append(bytes_of(dense.at(header.name)));
  std::error_code problem;
  if (std::filesystem::exists(newest()) && !newest_is_damaged_) std::filesystem::rename(newest(), previous(), problem);
  if (problem) throw Error(newest().string(), "cannot be renamed: " + problem.message());
  writer.commit();
  newest_is_damaged_ = false;
}

}  // namespace starnest::train
