#include "convert/export_gguf.h"

#include <algorithm>
#include <cmath>
#include <system_error>
#include <utility>
#include <vector>

#include "base/dtype.h"
#include "base/quantized.h"
#include "base/text.h"
#include "convert/ggml_encode.h"
#include "convert/shard_copy.h"
#include "format/text/gguf_vocabulary.h"
#include "starnest/error.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

using TakeBytes = std::function<void(std::span<const std::byte>)>;

// Calls `take` with the kept bytes of a piece, in whole multiples of `unit` bytes.
void for_kept_bytes(const KeptPiece& piece, size_t unit, const TakeBytes& take) {
  std::vector<std::byte> pending;
  ShardCopy copy([&](std::span<const std::byte> bytes) {
    pending.insert(pending.end(), bytes.begin(), bytes.end());
    const size_t whole = pending.size() / unit * unit;
    take(std::span<const std::byte>(pending).first(whole));
    pending.erase(pending.begin(), pending.begin() + ptrdiff_t(whole));
  });
  copy.tensor(piece.source.bytes(), piece.dims, size_of(piece.source.info->dtype));
}

bool is_stored_as(DType dtype, GgmlType type) {
  return (dtype == DType::f32 && type == GgmlType::f32) || (dtype == DType::bf16 && type == GgmlType::bf16) ||
         (dtype == DType::f16 && type == GgmlType::f16);
}

class GgufTensorWriter {
 public:
  GgufTensorWriter(const Size& size, const TakeBytes& write) : size_(size), write_(write) {}

  void write(const PlannedGguf& planned) {
    if (planned.sources.empty()) write_(std::as_bytes(std::span(planned.numbers)));
    for (const StoredTensor* source : planned.sources) {
      const std::vector<KeptPiece> pieces = kept_pieces(*source, size_.widths);
      if (planned.tensor.type == GgmlType::nvfp4)
        repack(pieces[0], pieces[1], *source);
      else
        encode(planned, pieces[0], *source);
    }
  }

 private:
  void encode(const PlannedGguf& planned, const KeptPiece& piece, const StoredTensor& source) {
    const DType dtype = piece.source.info->dtype;
    const GgmlType type = planned.tensor.type;
    for_kept_bytes(piece, size_of(dtype) * block_of(type).numbers, [&](std::span<const std::byte> bytes) {
      if (is_stored_as(dtype, type) && !planned.negated_exponential) return write_(bytes);
      numbers_.resize(bytes.size() / size_of(dtype));
      load_all_f32(dtype, bytes.data(), numbers_.size(), std::as_writable_bytes(std::span(numbers_)).data());
      if (planned.negated_exponential)
        for (float& x : numbers_) x = -std::exp(x);
      if (!fit_ggml(type, numbers_))
        throw Error({.where = "size " + in_quotes(size_.name) + ", " + source.where(),
                     .what = "has a number that " + std::string(name_of(type)) + " cannot hold",
                     .hint = "Export it as bf16"});
      out_.clear();
      encode_ggml(type, numbers_, out_);
      write_(out_);
    });
  }

  // The scales first and whole: they are an eighth of the codes.
  void repack(const KeptPiece& codes, const KeptPiece& scales, const StoredTensor& source) {
    std::vector<std::byte> all;
    for_kept_bytes(scales, 1,
                   [&](std::span<const std::byte> bytes) { all.insert(all.end(), bytes.begin(), bytes.end()); });
    if (source.tensor_scale_value == 0) std::fill(all.begin(), all.end(), std::byte{0});  // zeros, whatever it holds
    if (std::any_of(all.begin(), all.end(), [](std::byte scale) { return scale >= std::byte{0x7f}; }))
      throw Error({.where = source.where(),
                   .what = "has a block scale that is NaN or negative, which the NVFP4 of GGUF cannot hold"});
    const GgmlBlock block = block_of(GgmlType::nvfp4);
    size_t next = 0;
    for_kept_bytes(codes, block.numbers / 2, [&](std::span<const std::byte> bytes) {
      const size_t count = bytes.size() / (kNvfp4Block / 2);
      out_.clear();
      pack_ggml_nvfp4(bytes, std::span<const std::byte>(all).subspan(next, count), out_);
      next += count;
      write_(out_);
    });
  }

  const Size& size_;
  const TakeBytes& write_;
  std::vector<float> numbers_;
  std::vector<std::byte> out_;
};

// general.file_type, which readers show and do not depend on: the numbers of llama.cpp's enum llama_ftype.
uint32_t file_type_of(const std::map<GgmlType, uint64_t>& bytes_of) {
  if (bytes_of.contains(GgmlType::nvfp4)) return 39;
  if (bytes_of.contains(GgmlType::q8_0)) return 7;
  if (bytes_of.contains(GgmlType::bf16)) return 32;
  return bytes_of.contains(GgmlType::f16) ? 1 : 0;
}

// Weights alone are quantised where no scale of inputs is stored: llama.cpp is told not to make its inputs 4-bit ones.
void add_input_precision(const std::vector<PlannedGguf>& plan, std::vector<GgufKey>& keys) {
  std::vector<std::string> names;
  for (const PlannedGguf& planned : plan)
    if (planned.tensor.type == GgmlType::nvfp4 &&
        std::none_of(planned.sources.begin(), planned.sources.end(),
                     [](const StoredTensor* source) { return source->input_scale.has_value(); }))
      names.push_back(planned.tensor.name);
  if (names.empty()) return;
  std::sort(names.begin(), names.end());
  std::vector<bool> four_bits(names.size(), false);
  keys.push_back({"general.tensor_extra.name", std::move(names)});
  keys.push_back({"general.tensor_extra.prec_a4", std::move(four_bits)});
}

std::vector<GgufKey> keys_of(const FamilySpec& family, const Size& size, const ExportResult& result,
                             const std::function<void(const std::string&)>& note) {
  // What a config cannot say of a size, GGUF cannot either.
  HfConfig config = family.config;
  architecture_of(config).write_widths(config, family.spec, size.widths, PerBlockWidths::refuse);
  const ModelSpec spec = narrowed(family.spec, size.widths);
  std::vector<GgufKey> keys = architecture_of(config).gguf_keys(spec, config);
  const std::string model = fs::weakly_canonical(family.folder).filename().string();
  const bool whole = size.widths == full_widths(family.spec);
  keys.push_back({"general.type", std::string("model")});
  keys.push_back({"general.name", whole ? model : model + "-" + size.name});
  keys.push_back({"general.file_type", file_type_of(result.bytes_of)});
  keys.push_back({"general.quantization_version", uint32_t{2}});  // of ggml's blocks
  GgufVocabulary vocabulary = gguf_vocabulary(family.folder, config, size_t(spec.vocab));
  if (!vocabulary.missing.empty()) note("the file has no tokenizer: " + vocabulary.missing);
  keys.insert(keys.end(), std::make_move_iterator(vocabulary.keys.begin()),
              std::make_move_iterator(vocabulary.keys.end()));
  return keys;
}

void require_free(const fs::path& out, Overwrite overwrite) {
  std::error_code code;
  if (overwrite == Overwrite::replace || !fs::is_regular_file(out, code)) return;
  throw Error({.where = out.string(),
               .what = "is there already",
               .hint = "Choose another file, or replace this one with --overwrite"});
}

}  // namespace

ExportResult export_gguf(const FamilySpec& family, const Size& size, const fs::path& out,
                         const ExportOptions& options) {
  const auto note = [&](const std::string& text) {
    if (options.note) options.note(text);
  };
  require_free(out, options.overwrite);
  const PairedCheckpoint source(family.spec, Checkpoint(family.folder));
  const std::vector<PlannedGguf> plan = plan_gguf(family, size, source, options.format);
  ExportResult result;
  std::vector<GgufTensor> tensors;
  for (const PlannedGguf& planned : plan) {
    tensors.push_back(planned.tensor);
    result.bytes_of[planned.tensor.type] += planned.tensor.bytes();
  }
  std::vector<GgufKey> keys = keys_of(family, size, result, note);
  add_input_precision(plan, keys);
  const std::string pattern = pattern_of(narrowed(family.spec, size.widths).blocks);
  if (pattern.find('-') != pattern.npos && pattern.find('E') != pattern.npos)
    note("llama.cpp does not load a model that has dense blocks and blocks of experts");
  for (const std::string& unused : source.unused()) note("left out: " + unused);
  for (const std::string& remark : source.remarks()) note(remark);

  GgufWriter writer(out, keys, std::move(tensors));
  result.tensors = plan.size();
  result.bytes = writer.bytes();
  uint64_t done = 0;
  const TakeBytes write = [&](std::span<const std::byte> bytes) {
    writer.append(bytes);
    done += bytes.size();
    if (options.progress) options.progress(done, result.bytes);
  };
  GgufTensorWriter tensor_writer(size, write);
  for (const PlannedGguf& planned : plan) tensor_writer.write(planned);
  writer.commit();
  return result;
}

}  // namespace starnest
