#include "format/weights/checkpoint.h"

#include <algorithm>
#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "base/output.h"
#include "base/source_file.h"
#include "base/text.h"
#include "format/json/json.h"
#include "starnest/error.h"

namespace starnest {
namespace {

using nlohmann::json;

constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";
constexpr uint64_t kMaxIndexBytes = 256'000'000;  // about a million tensor names

using WeightMap = std::map<std::string, std::vector<std::string>>;  // shard file name -> its tensors

[[noreturn]] void index_error(const std::filesystem::path& index, std::string what, std::string expected = {},
                              std::string got = {}, std::string hint = {}) {
  throw Error({.where = index.string(),
               .what = std::move(what),
               .expected = std::move(expected),
               .got = std::move(got),
               .hint = std::move(hint)});
}

// A shard's name comes from outside: it may not lead out of the folder.
void check_plain_name(const std::string& name, const std::filesystem::path& index) {
  const bool plain =
      !name.empty() && name != "." && name != ".." && name.find_first_of(std::string("/\\\0", 3)) == name.npos;
  if (!plain) index_error(index, "a shard is not in this folder", "a plain file name", in_quotes(name));
}

json parse_index(const std::filesystem::path& index) {
  const std::string text = read_text(index, kMaxIndexBytes);
  refuse_deep_nesting(text, index.string());
  try {
    return json::parse(text);
  } catch (const json::exception&) {
    index_error(index, "is not JSON", {}, {}, "Fetch or convert the model again");
  }
}

WeightMap read_weight_map(const std::filesystem::path& index) {
  const json root = parse_index(index);
  const auto map = root.is_object() ? root.find("weight_map") : root.end();
  if (map == root.end() || !map->is_object()) index_error(index, "has no object 'weight_map'");
  WeightMap shards;
  for (const auto& [tensor, shard] : map->items()) {
    if (!shard.is_string())
      index_error(index, "wrong value for " + in_quotes(tensor), "a file name", shard.type_name());
    const auto& name = shard.get_ref<const std::string&>();
    if (!shards.contains(name)) check_plain_name(name, index);
    shards[name].push_back(tensor);
  }
  if (shards.empty()) index_error(index, "'weight_map' is empty");
  return shards;
}

}  // namespace

Checkpoint::Checkpoint(const std::filesystem::path& folder) : folder_(folder) {
  if (is_there(folder / kSingle)) {
    files_.emplace_back(folder / kSingle);
    index_tensors({});
  } else if (is_there(folder / kIndex)) {
    index_tensors(open_shards(folder / kIndex));
  } else {
    throw Error({.where = folder.string(),
                 .what = "has no weights",
                 .expected = std::string(kSingle) + " or " + kIndex,
                 .hint = "Give the folder of a model in safetensors form"});
  }
}

Checkpoint::ShardOf Checkpoint::open_shards(const std::filesystem::path& index) {
  const WeightMap shards = read_weight_map(index);
  ShardOf shard_of;
  for (const auto& [name, tensors] : shards) {
    const std::filesystem::path path = index.parent_path() / name;
    if (!is_there(path)) {
      index_error(path, "this shard is missing",
                  "all " + std::to_string(shards.size()) + " shards that " + kIndex + " names", {},
                  "Fetch it, or convert the model again");
    }
    const SafetensorsFile& file = files_.emplace_back(path);
    for (const std::string& tensor : tensors) {
      if (!file.find(tensor)) {
        index_error(index, "names a tensor that its shard lacks", in_quotes(tensor) + " in " + name, {},
                    "Index and shards are of different versions; fetch both again");
      }
      shard_of.emplace(tensor, name);
    }
  }
  return shard_of;
}

void Checkpoint::index_tensors(const ShardOf& shard_of) {
  const auto name_of_file = [&](uint32_t file) { return files_[file].path().filename().string(); };
  for (uint32_t f = 0; f < files_.size(); ++f)
    for (const TensorInfo& info : files_[f].tensors()) {
      const auto named = shard_of.find(info.name);
      if (named == shard_of.end() || named->second == name_of_file(f))
        by_name_.push_back({&info, f});
      else
        ++superseded_;
    }
  std::sort(by_name_.begin(), by_name_.end(),
            [](const Entry& a, const Entry& b) { return a.info->name < b.info->name; });
  for (size_t i = 1; i < by_name_.size(); ++i) {
    if (by_name_[i].info->name != by_name_[i - 1].info->name) continue;
    throw Error({.where = folder_.string(),
                 .what = "tensor " + in_quotes(by_name_[i].info->name) + " is in two shards, " +
                         name_of_file(by_name_[i - 1].file) + " and " + name_of_file(by_name_[i].file),
                 .hint = std::string(kIndex) + " names neither; fetch or convert the model again"});
  }
}

std::vector<TensorRef> Checkpoint::tensors() const {
  std::vector<TensorRef> tensors;
  for (const Entry& entry : by_name_) tensors.push_back({entry.info, &files_[entry.file]});
  return tensors;
}

std::optional<TensorRef> Checkpoint::find(std::string_view name) const {
  const auto at =
      std::lower_bound(by_name_.begin(), by_name_.end(), name,
                       [](const Entry& entry, std::string_view wanted) { return entry.info->name < wanted; });
  if (at == by_name_.end() || at->info->name != name) return std::nullopt;
  return TensorRef{at->info, &files_[at->file]};
}

bool Checkpoint::has_index() const { return files_.front().path().filename() != kSingle; }

uint64_t Checkpoint::total_bytes() const {
  uint64_t total = 0;
  for (const SafetensorsFile& file : files_)
    if (!file.tensors().empty()) total += file.tensors().back().end;
  return total;
}

void write_weight_index(const std::filesystem::path& folder, const WeightIndex& index) {
  nlohmann::ordered_json root;
  root["metadata"]["total_size"] = index.total_size;
  root["weight_map"] = nlohmann::ordered_json::object();
  for (const auto& [tensor, file] : index.shard_of) root["weight_map"][tensor] = file;
  write_text(folder / kIndex, root.dump(2) + "\n");
}

bool has_weights(const std::filesystem::path& folder) {
  std::error_code ignored;
  return std::filesystem::exists(folder / kSingle, ignored) || std::filesystem::exists(folder / kIndex, ignored);
}

}  // namespace starnest
