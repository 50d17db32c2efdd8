// The checkpoints of a training run: the newest, and the one before it in case the newest is damaged.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "format/weights/safetensors.h"
#include "train/modules/parameters.h"

namespace starnest::train {

// Files: <folder>/checkpoint.safetensors and <folder>/checkpoint.previous.safetensors, ordinary safetensors whose
// metadata holds a SHA-256 of all the rest. Not thread-safe.
class RunCheckpoints {
 public:
  explicit RunCheckpoints(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::filesystem::path newest() const { return folder_ / "checkpoint.safetensors"; }
  std::filesystem::path previous() const { return folder_ / "checkpoint.previous.safetensors"; }
  bool any() const;

  // The newest one that is whole. Says through `note` what was wrong with a newer one. Throws Error when none is whole.
  SafetensorsFile read(const std::function<void(const std::string&)>& note);

  // F32 tensors by name. Written to a temporary file, flushed, and only then given its name: whatever happens (killed,
  // disk full: Error), one whole checkpoint stays. `metadata` must not use the key "sha256".
  void write(const std::map<std::string, Tensor>& tensors, std::map<std::string, std::string> metadata);

 private:
  std::filesystem::path folder_;
  bool newest_is_damaged_ = false;
};

}  // namespace starnest::train
