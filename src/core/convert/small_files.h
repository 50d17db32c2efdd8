// What a model folder holds beside its weights: the index of the shards, and the small files that every copy keeps.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>

namespace starnest {

inline constexpr const char* kIndexFile = "model.safetensors.index.json";

// model.safetensors.index.json as transformers writes it.
struct WeightIndex {
  uint64_t total_size = 0;                      // bytes of tensor data in all shards
  std::map<std::string, std::string> shard_of;  // tensor name -> file name
};
std::string text_of(const WeightIndex& index);

// Copies the small files directly in `from`: tokenizer, generation config, chat template, licence and so on. Not
// copied: config.json (the caller writes its own), elastic.json, SHA256SUMS, weights and their index, hidden and
// unfinished files, folders. A file above 64 MiB is left out with a note. Throws Error naming the file that cannot be
// copied.
void copy_small_files(const std::filesystem::path& from, const std::filesystem::path& to,
                      const std::function<void(const std::string&)>& note);

}  // namespace starnest
