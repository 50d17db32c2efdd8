#include "convert/slice.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "arch/paired_checkpoint.h"
#include "base/check.h"
#include "base/output.h"
#include "base/source_file.h"
#include "base/text.h"
#include "convert/kept_pieces.h"
#include "convert/shard_copy.h"
#include "convert/small_files.h"
#include "format/json/quantization_config.h"
#include "format/weights/safetensors_writer.h"
#include "format/weights/sha256.h"
#include "starnest/error.h"

namespace starnest {
namespace {

// What the size keeps of one shard, by name in the slice. A shard that keeps nothing is not written.
struct Shard {
  std::string file_name;
  std::map<std::string, KeptPiece> pieces;
};

// What of a checkpoint a size keeps, and under which names.
class Cut {
 public:
  Cut(const ModelSpec& spec, const PairedCheckpoint& source, const Widths& widths) {
    for (const SafetensorsFile& file : source.checkpoint().files()) add_shard(file);
    // What a size keeps are the tensors of the model that it is by itself, in the same order.
    const auto sliced = tensors_of(narrowed(spec, widths), names_in(source.checkpoint()));
    size_t next = 0;
    for (const StoredTensor& tensor : source.tensors())
      if (tensor.spec.present(widths)) add(tensor, sliced.at(next++).name, widths);
    SN_CHECK(next == sliced.size(), "a size keeps other tensors than its own model has");
    std::erase_if(shards_, [](const Shard& shard) { return shard.pieces.empty(); });
  }

  const std::vector<Shard>& shards() const { return shards_; }
  const std::map<std::string, std::string>& modules() const { return modules_; }  // name in the source, in the slice
  uint64_t bytes() const { return bytes_; }

 private:
  void add_shard(const SafetensorsFile& file) {
    shard_of_[&file] = shards_.size();
    shards_.push_back({file.path().filename().string(), {}});
  }

  void add(const StoredTensor& tensor, const std::string& name, const Widths& widths) {
    modules_.emplace(module_of(tensor.spec.name), module_of(name));
    for (KeptPiece& piece : kept_pieces(tensor, widths)) {
      bytes_ += piece.bytes();
      Shard& shard = shards_[shard_of_.at(piece.source.file)];
      shard.pieces.emplace(name_in_slice(tensor, piece, name), std::move(piece));
    }
  }

  std::map<const SafetensorsFile*, size_t> shard_of_;
  std::vector<Shard> shards_;
  std::map<std::string, std::string> modules_;
  uint64_t bytes_ = 0;
};

void write_shard(const Shard& shard, const std::filesystem::path& folder, const std::function<void(uint64_t)>& copied) {
  std::vector<TensorHeader> headers;
  for (const auto& [name, piece] : shard.pieces) headers.push_back({name, piece.source.info->dtype, piece.shape()});
  SafetensorsWriter writer(folder / shard.file_name, std::move(headers), {{"format", "pt"}});
  ShardCopy copy([&](std::span<const std::byte> bytes) {
    writer.append(bytes);
    copied(bytes.size());
  });
  for (const TensorHeader& header : writer.order()) {
    const KeptPiece& piece = shard.pieces.at(header.name);
    copy.tensor(piece.source.bytes(), piece.dims, size_of(header.dtype));
  }
  writer.commit();
}

void write_weights(const Cut& cut, const std::filesystem::path& folder, const Progress& progress) {
  uint64_t done = 0;
  for (const Shard& shard : cut.shards()) {
    write_shard(shard, folder, [&](uint64_t bytes) {
      done += bytes;
      if (progress) progress(done, cut.bytes());
    });
  }
}

WeightIndex index_of(const Cut& cut) {
  WeightIndex index{cut.bytes(), {}};
  for (const Shard& shard : cut.shards())
    for (const auto& [name, piece] : shard.pieces) index.shard_of.emplace(name, shard.file_name);
  return index;
}

// What the JSON of a quantised model says of the slice; nothing for a model that is not quantised.
std::optional<QuantizationConfig> quantization_of(const PairedCheckpoint& source, const Cut& cut) {
  const auto config = read_quantization(source.checkpoint().folder());
  if (!config) return std::nullopt;
  if (config->method == kModelOptMethod) return config->renamed(cut.modules());
  for (const StoredTensor& tensor : source.tensors()) {
    if (is_plain(tensor.encoding)) continue;
    throw Error({.where = tensor.where(),
                 .what = "is quantised by " + in_quotes(config->method) + ", which is not sliced",
                 .expected = in_quotes(kModelOptMethod),
                 .hint = "Slice the unquantised model, and quantise the slice"});
  }
  return std::nullopt;
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
  const auto quantization = quantization_of(source, cut);
  if (quantization && config.has({kQuantizationKey}))
    config.set_object({kQuantizationKey}, write_quantization_config(*quantization));

  OutputFolder folder(out, sources_of(family.folder, options.inputs), options.overwrite);
  folder.require_room(cut.bytes());
  for (const std::string& unused : source.unused()) note("left out: " + unused);
  for (const std::string& remark : source.remarks()) note(remark);
  if (options.per_block == PerBlockWidths::allow && size.widths.differ_between_blocks())
    note("config.json has lists with a width per block: only starnest loads this slice");
  write_weights(cut, folder.partial(), options.progress);
  if (source.checkpoint().has_index()) write_weight_index(folder.partial(), index_of(cut));
  write_text(folder.partial() / "config.json", config.text());
  if (quantization && is_there(family.folder / kHfQuantConfig))
    write_text(folder.partial() / kHfQuantConfig, write_hf_quant_config(*quantization));
  copy_small_files(family.folder, folder.partial(), note);
  write_sha256sums(folder.partial());
  folder.commit();

  SliceResult result{0, cut.bytes(), cut.shards().size()};
  for (const Shard& shard : cut.shards()) result.tensors += shard.pieces.size();
  return result;
}

}  // namespace starnest
