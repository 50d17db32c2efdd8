#include "convert/slice.h"

#include <algorithm>
#include <map>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "arch/tensors.h"
#include "base/output.h"
#include "base/text.h"
#include "convert/shard_copy.h"
#include "convert/small_files.h"
#include "format/weights/checkpoint.h"
#include "format/weights/fingerprint.h"
#include "format/weights/safetensors_writer.h"
#include "format/weights/sha256.h"
#include "starnest/error.h"

namespace starnest {
namespace {

// A tensor of the source and what the size keeps of it.
struct Cut {
  TensorRef source;
  const TensorSpec* spec = nullptr;
  std::string name;  // in the slice
};

// The tensors of one shard that the size keeps; a shard that keeps none is not written.
struct Shard {
  std::string file_name;
  std::map<std::string, Cut> cuts;  // by name in the slice
};

std::string at(const SafetensorsFile& file, std::string_view tensor) {
  return file.path().string() + ": tensor " + in_quotes(tensor);
}

// Pairs the tensors of a checkpoint with those that the model has, and throws Error where they do not fit.
class Pairing {
 public:
  Pairing(const FamilySpec& family, const Size& size, const Checkpoint& checkpoint)
      : family_(family),
        widths_(size.widths),
        full_(full_widths(family.spec)),
        naming_(detect_naming([&](std::string_view name) { return checkpoint.find(name).has_value(); })),
        specs_(tensors_of(family.spec, naming_)) {
    for (const TensorSpec& spec : specs_) by_name_.emplace(naming_.name(spec), &spec);
    for (const SafetensorsFile& file : checkpoint.files()) refuse_quantised(file);
    for (const SafetensorsFile& file : checkpoint.files()) add_shard(file);
    if (seen_.size() != specs_.size()) refuse_missing();
    for (const Shard& shard : shards_)
      for (const auto& [name, cut] : shard.cuts)
        bytes_ += cut.spec->elements(widths_) * size_of(cut.source.info->dtype);
  }

  const std::vector<Shard>& shards() const { return shards_; }
  const Widths& widths() const { return widths_; }
  uint64_t bytes() const { return bytes_; }

 private:
  void refuse_quantised(const SafetensorsFile& file) const {
    for (const TensorInfo& info : file.tensors()) {
      if (info.dtype != DType::u8 && info.dtype != DType::f8_e4m3) continue;
      if (info.name.starts_with(kMultiTokenPrediction)) continue;
      const std::string dtype(name_of(info.dtype));
      throw Error({.where = at(file, info.name),
                   .what = dtype + " weights are not sliced yet",
                   .expected = "BF16, F16 or F32",
                   .got = dtype,
                   .hint = "Slice the unquantised model"});
    }
  }

  void add_shard(const SafetensorsFile& file) {
    Shard shard{file.path().filename().string(), {}};
    for (const TensorInfo& info : file.tensors()) {
      if (info.name.starts_with(kMultiTokenPrediction)) continue;
      const TensorSpec& spec = expected(file, info);
      seen_.insert(&spec);
      if (!spec.present(widths_)) continue;
      std::string name = naming_.name(spec, new_number(spec.block));
      shard.cuts.emplace(name, Cut{{&info, &file}, &spec, name});
    }
    if (!shard.cuts.empty()) shards_.push_back(std::move(shard));
  }

  const TensorSpec& expected(const SafetensorsFile& file, const TensorInfo& info) const {
    const auto found = by_name_.find(info.name);
    if (found == by_name_.end())
      throw Error({.where = at(file, info.name),
                   .what = "the model of config.json has no such tensor",
                   .hint = "Check that weights and config.json belong together"});
    if (info.dtype == DType::i64)
      throw Error(
          {.where = at(file, info.name), .what = "is not a weight", .expected = "BF16, F16 or F32", .got = "I64"});
    const std::vector<uint64_t> shape = found->second->shape(full_);
    if (info.shape != shape)
      throw Error({.where = at(file, info.name),
                   .what = "has the wrong shape",
                   .expected = shape_text(shape) + " for the full model",
                   .got = shape_text(info.shape),
                   .hint = "Check that weights and config.json belong together"});
    return *found->second;
  }

  [[noreturn]] void refuse_missing() const {
    std::vector<std::string> missing;
    for (const TensorSpec& spec : specs_)
      if (!seen_.contains(&spec)) missing.push_back(naming_.name(spec));
    const std::string more = missing.size() == 1 ? "" : " and " + std::to_string(missing.size() - 1) + " more";
    throw Error({.where = family_.folder.string(),
                 .what = "tensor " + in_quotes(missing.front()) + more + " is missing",
                 .expected = grouped(specs_.size()) + " tensors",
                 .got = grouped(seen_.size()),
                 .hint = "Fetch or convert the model again"});
  }

  // The number of a kept block in the slice.
  int new_number(int block) const {
    if (block < 0) return block;
    return int(std::count_if(widths_.blocks.begin(), widths_.blocks.begin() + block,
                             [](const BlockWidths& before) { return before.kept; }));
  }

  const FamilySpec& family_;
  const Widths& widths_;
  Widths full_;
  Naming naming_;
  std::vector<TensorSpec> specs_;
  std::map<std::string, const TensorSpec*> by_name_;
  std::set<const TensorSpec*> seen_;
  std::vector<Shard> shards_;
  uint64_t bytes_ = 0;
};

void check_space(const std::filesystem::path& folder, uint64_t bytes) {
  std::error_code code;
  const std::filesystem::space_info space = std::filesystem::space(folder, code);
  if (code || space.available >= bytes) return;
  throw Error({.where = folder.string(),
               .what = "not enough room on the disk",
               .expected = bytes_text(bytes),
               .got = bytes_text(space.available)});
}

void write_shard(const Shard& shard, const Pairing& pairing, const std::filesystem::path& folder,
                 const std::function<void(uint64_t)>& copied) {
  std::vector<TensorHeader> headers;
  for (const auto& [name, cut] : shard.cuts)
    headers.push_back({name, cut.source.info->dtype, cut.spec->shape(pairing.widths())});
  SafetensorsWriter writer(folder / shard.file_name, std::move(headers), {{"format", "pt"}});
  ShardCopy copy(writer, copied);
  for (const TensorHeader& header : writer.order()) {
    const Cut& cut = shard.cuts.at(header.name);
    copy.tensor(cut.source.bytes(), kept_dimensions(cut.spec->dims, pairing.widths().at(cut.spec->block)),
                size_of(header.dtype));
  }
  writer.commit();
}

void write_weights(const Pairing& pairing, const std::filesystem::path& folder, const Progress& progress) {
  uint64_t done = 0;
  for (const Shard& shard : pairing.shards()) {
    write_shard(shard, pairing, folder, [&](uint64_t bytes) {
      done += bytes;
      if (progress) progress(done, pairing.bytes());
    });
  }
}

// A checkpoint without an index is one file of this name.
bool is_sharded(const Checkpoint& checkpoint) {
  return checkpoint.files().front().path().filename() != "model.safetensors";
}

WeightIndex index_of(const Pairing& pairing) {
  WeightIndex index{pairing.bytes(), {}};
  for (const Shard& shard : pairing.shards())
    for (const auto& [name, cut] : shard.cuts) index.shard_of.emplace(name, shard.file_name);
  return index;
}

}  // namespace

SliceResult slice(const FamilySpec& family, const Size& size, const std::filesystem::path& out,
                  const SliceOptions& options) {
  const auto note = [&](const std::string& text) {
    if (options.note) options.note(text);
  };
  HfConfig config = family.config;
  architecture_of(config).write_widths(config, family.spec, size.widths, options.per_block);
  const Checkpoint checkpoint(family.folder);
  const Pairing pairing(family, size, checkpoint);

  std::vector<std::filesystem::path> sources = options.inputs;
  sources.push_back(family.folder);
  for (const std::filesystem::path& file : model_files(family.folder)) sources.push_back(file);  // links to elsewhere
  OutputFolder folder(out, sources, options.overwrite);
  check_space(folder.partial(), pairing.bytes());
  if (const size_t unused = count_multi_token_prediction(checkpoint))
    note("left out " + std::to_string(unused) +
         " tensors of multi-token prediction (mtp.*), which the size does not need");
  if (options.per_block == PerBlockWidths::allow && size.widths.differ_between_blocks())
    note("config.json has lists with a width per block: only starnest loads this slice");
  write_weights(pairing, folder.partial(), options.progress);
  if (is_sharded(checkpoint)) write_weight_index(folder.partial(), index_of(pairing));
  write_text(folder.partial() / "config.json", config.text());
  copy_small_files(family.folder, folder.partial(), note);
  write_sha256sums(folder.partial());
  folder.commit();

  SliceResult result{0, pairing.bytes(), pairing.shards().size()};
  for (const Shard& shard : pairing.shards()) result.tensors += shard.cuts.size();
  return result;
}

}  // namespace starnest
