#include "convert/slice.h"

#include <algorithm>
#include <map>
#include <system_error>
#include <utility>
#include <vector>

#include "arch/paired_checkpoint.h"
#include "base/check.h"
#include "base/output.h"
#include "base/text.h"
#include "convert/shard_copy.h"
#include "convert/small_files.h"
#include "format/weights/fingerprint.h"
#include "format/weights/safetensors_writer.h"
#include "format/weights/sha256.h"
#include "starnest/error.h"

namespace starnest {
namespace {

// The tensors of one shard that the size keeps, by name in the slice. A shard that keeps none is not written.
struct Shard {
  std::string file_name;
  std::map<std::string, const StoredTensor*> tensors;
};

// What of a checkpoint a size keeps, and under which names.
class Cut {
 public:
  Cut(const ModelSpec& spec, const PairedCheckpoint& source, const Widths& widths) : widths_(widths) {
    name(source, tensors_of(narrowed(spec, widths), names_in(source.checkpoint())));
    for (const StoredTensor& tensor : source.tensors()) require_plain(tensor, "sliced");
    for (const SafetensorsFile& file : source.checkpoint().files()) add_shard(source, file);
  }

  const std::vector<Shard>& shards() const { return shards_; }
  const Widths& widths() const { return widths_; }
  uint64_t bytes() const { return bytes_; }

 private:
  void add_shard(const PairedCheckpoint& source, const SafetensorsFile& file) {
    Shard shard{file.path().filename().string(), {}};
    for (const StoredTensor& tensor : source.tensors()) {
      if (tensor.codes.file != &file || !tensor.spec.present(widths_)) continue;
      shard.tensors.emplace(names_.at(&tensor), &tensor);
      bytes_ += tensor.spec.elements(widths_) * size_of(tensor.codes.info->dtype);
    }
    if (!shard.tensors.empty()) shards_.push_back(std::move(shard));
  }

  // What a size keeps are the tensors of the model that it is by itself, in the same order.
  void name(const PairedCheckpoint& source, const std::vector<TensorSpec>& sliced) {
    size_t next = 0;
    for (const StoredTensor& tensor : source.tensors())
      if (tensor.spec.present(widths_)) names_.emplace(&tensor, sliced.at(next++).name);
    SN_CHECK(next == sliced.size(), "a size keeps other tensors than its own model has");
  }

  const Widths& widths_;
  std::map<const StoredTensor*, std::string> names_;  // in the slice
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

void write_shard(const Shard& shard, const Widths& widths, const std::filesystem::path& folder,
                 const std::function<void(uint64_t)>& copied) {
  std::vector<TensorHeader> headers;
  for (const auto& [name, tensor] : shard.tensors)
    headers.push_back({name, tensor->codes.info->dtype, tensor->spec.shape(widths)});
  SafetensorsWriter writer(folder / shard.file_name, std::move(headers), {{"format", "pt"}});
  ShardCopy copy(writer, copied);
  for (const TensorHeader& header : writer.order()) {
    const StoredTensor& tensor = *shard.tensors.at(header.name);
    copy.tensor(tensor.codes.bytes(), kept_dimensions(tensor.spec.dims, widths.at(tensor.spec.block)),
                size_of(header.dtype));
  }
  writer.commit();
}

void write_weights(const Cut& cut, const std::filesystem::path& folder, const Progress& progress) {
  uint64_t done = 0;
  for (const Shard& shard : cut.shards()) {
    write_shard(shard, cut.widths(), folder, [&](uint64_t bytes) {
      done += bytes;
      if (progress) progress(done, cut.bytes());
    });
  }
}

// A checkpoint without an index is one file of this name.
bool is_sharded(const Checkpoint& checkpoint) {
  return checkpoint.files().front().path().filename() != "model.safetensors";
}

WeightIndex index_of(const Cut& cut) {
  WeightIndex index{cut.bytes(), {}};
  for (const Shard& shard : cut.shards())
    for (const auto& [name, tensor] : shard.tensors) index.shard_of.emplace(name, shard.file_name);
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
  announce_no_prediction_layers(config);
  config.use_bare_floats();
  const PairedCheckpoint source(family.spec, Checkpoint(family.folder));
  const Cut cut(family.spec, source, size.widths);

  std::vector<std::filesystem::path> sources = options.inputs;
  sources.push_back(family.folder);
  for (const std::filesystem::path& file : model_files(family.folder)) sources.push_back(file);  // links to elsewhere
  OutputFolder folder(out, sources, options.overwrite);
  check_space(folder.partial(), cut.bytes());
  for (const std::string& unused : source.unused()) note("left out: " + unused);
  if (options.per_block == PerBlockWidths::allow && size.widths.differ_between_blocks())
    note("config.json has lists with a width per block: only starnest loads this slice");
  write_weights(cut, folder.partial(), options.progress);
  if (is_sharded(source.checkpoint())) write_weight_index(folder.partial(), index_of(cut));
  write_text(folder.partial() / "config.json", config.text());
  copy_small_files(family.folder, folder.partial(), note);
  write_sha256sums(folder.partial());
  folder.commit();

  SliceResult result{0, cut.bytes(), cut.shards().size()};
  for (const Shard& shard : cut.shards()) result.tensors += shard.tensors.size();
  return result;
}

}  // namespace starnest
