#include "arch/paired_checkpoint.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "arch/pair_quantized.h"
#include "base/quantized.h"
#include "base/text.h"
#include "format/json/quantization_config.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr std::string_view kDoNotBelong = "Check that weights and config.json belong together";

// Finds what a checkpoint holds for each tensor of a model, and remembers what was found.
class Pairing {
 public:
  Pairing(const ModelSpec& spec, const Checkpoint& checkpoint) : checkpoint_(checkpoint), full_(full_widths(spec)) {}

  std::vector<StoredTensor> pair(std::vector<TensorSpec> specs) {
    refuse_missing(specs);
    std::vector<StoredTensor> tensors;
    for (TensorSpec& spec : specs) {
      tensors.push_back(stored(std::move(spec)));
      pair_kv_scale(tensors.back(), [this](const std::string& name) { return claim(name); });
    }
    return tensors;
  }

  bool claimed(const TensorRef& tensor) const { return claimed_.contains(tensor.info); }

 private:
  std::optional<TensorRef> claim(const std::string& name) {
    const auto found = checkpoint_.find(name);
    if (found) claimed_.insert(found->info);
    return found;
  }

  void refuse_missing(std::span<const TensorSpec> specs) const {
    std::vector<std::string> missing;
    for (const TensorSpec& spec : specs)
      if (!checkpoint_.find(spec.name) && !checkpoint_.find(packed_name(spec.name))) missing.push_back(spec.name);
    if (missing.empty()) return;
    const std::string more = missing.size() == 1 ? "" : " and " + grouped(missing.size() - 1) + " more";
    throw Error({.where = checkpoint_.folder().string(),
                 .what = "tensor " + in_quotes(missing.front()) + more + " is missing",
                 .expected = grouped(specs.size()) + " tensors of the model of config.json",
                 .got = grouped(specs.size() - missing.size()),
                 .hint = "The checkpoint is incomplete, or config.json belongs to another model"});
  }

  StoredTensor stored(TensorSpec spec) {
    StoredTensor tensor;
    tensor.spec = std::move(spec);
    const auto plainly_named = claim(tensor.spec.name);
    tensor.codes = plainly_named ? *plainly_named : *claim(packed_name(tensor.spec.name));
    if (!plainly_named && tensor.codes.info->dtype != DType::u8)
      throw Error({.where = tensor.where(),
                   .what = "is not packed NVFP4",
                   .expected = "U8",
                   .got = std::string(name_of(tensor.codes.info->dtype))});
    switch (tensor.codes.info->dtype) {
      case DType::f32:
        return plain(std::move(tensor), Encoding::f32);
      case DType::bf16:
        return plain(std::move(tensor), Encoding::bf16);
      case DType::f16:
        return plain(std::move(tensor), Encoding::f16);
      case DType::f8_e4m3:
        return quantized(std::move(tensor), Encoding::fp8);
      case DType::u8:
        return quantized(std::move(tensor), Encoding::nvfp4);
      case DType::i64:
        break;
    }
    throw Error({.where = tensor.where(),
                 .what = "is not a weight",
                 .expected = "F32, BF16, F16, FP8 or NVFP4",
                 .got = std::string(name_of(tensor.codes.info->dtype))});
  }

  StoredTensor plain(StoredTensor tensor, Encoding encoding) const {
    tensor.encoding = encoding;
    const std::vector<uint64_t> shape = tensor.spec.shape(full_);
    if (tensor.codes.info->shape != shape) wrong_shape(tensor.codes, shape, " for the full model");
    return tensor;
  }

  StoredTensor quantized(StoredTensor tensor, Encoding encoding) {
    tensor.encoding = encoding;
    pair_quantized(tensor, tensor.spec.shape(full_), [this](const std::string& name) { return claim(name); });
    return tensor;
  }

  const Checkpoint& checkpoint_;
  Widths full_;
  std::set<const TensorInfo*> claimed_;
};

bool same_numbers(const TensorRef& a, const TensorRef& b) {
  if (a.info->dtype != b.info->dtype || a.info->shape != b.info->shape) return false;
  constexpr uint64_t kPiece = uint64_t{4} << 20;
  std::vector<std::byte> left(kPiece), right(kPiece);
  const uint64_t bytes = a.info->end - a.info->begin;
  for (uint64_t at = 0; at < bytes; at += kPiece) {
    const size_t count = size_t(std::min(kPiece, bytes - at));
    a.read_at(at, std::span(left).first(count));
    b.read_at(at, std::span(right).first(count));
    if (!std::equal(left.begin(), left.begin() + std::ptrdiff_t(count), right.begin())) return false;
  }
  return true;
}

std::string counted(size_t count, std::string_view of) {
  return std::to_string(count) + (count == 1 ? " tensor" : " tensors") + " of " + std::string(of);
}

// What a checkpoint holds beside the tensors of the model.
class Unused {
 public:
  Unused(const ModelSpec& spec, std::span<const StoredTensor> tensors) {
    if (spec.tied_head) embedding_ = &tensors.front().codes;
  }

  void add(const TensorRef& tensor) {
    const std::string_view name = tensor.info->name;
    if (name.starts_with(kMultiTokenPrediction))
      ++predicts_;
    else if (name.ends_with("rotary_emb.inv_freq"))  // a table, computed from the config where it is used at all
      ++rotary_;
    else if (embedding_ && name == kHead)
      add_head(tensor);
    else
      refused_.push_back(tensor);
  }

  std::vector<std::string> phrases(const Checkpoint& checkpoint) const {
    std::vector<std::string> out;
    if (predicts_) out.push_back(counted(predicts_, "multi-token prediction (mtp.*)"));
    if (rotary_) out.push_back(counted(rotary_, "rotary positions (inv_freq), which the model does not have"));
    if (copied_head_) out.push_back(std::string(kHead) + ", which is the embedding table again");
    if (const size_t old = checkpoint.superseded())
      out.push_back(counted(old, "shards for which the index names another shard"));
    return out;
  }

  void refuse() const {
    if (refused_.empty()) return;
    for (const TensorRef& tensor : refused_) refuse_unknown_format(tensor);
    const std::string more = refused_.size() == 1 ? "" : " (" + grouped(refused_.size() - 1) + " more are like that)";
    throw Error({.where = where_of(refused_.front()),
                 .what = "the model of config.json has no such tensor" + more,
                 .hint = std::string(kDoNotBelong)});
  }

 private:
  static constexpr std::string_view kHead = "lm_head.weight";

  void add_head(const TensorRef& tensor) {
    if (tensor.info->dtype == DType::u8 || tensor.info->dtype == DType::f8_e4m3)
      throw Error({.where = where_of(tensor),
                   .what = "is quantised, and config.json ties the head to the embedding table, which cannot be",
                   .hint = "Set tie_word_embeddings to false when the model has a head of its own"});
    if (!same_numbers(tensor, *embedding_))
      throw Error({.where = where_of(tensor),
                   .what = "differs from the embedding table, to which config.json ties the head",
                   .hint = "Set tie_word_embeddings to false when the model has a head of its own"});
    copied_head_ = true;
  }

  const TensorRef* embedding_ = nullptr;  // that the head is tied to
  size_t predicts_ = 0, rotary_ = 0;
  bool copied_head_ = false;
  std::vector<TensorRef> refused_;
};

// "all numbers of 'a.weight' and of 2 more matrices count as 0 ..."
void remark_zeros(std::span<const StoredTensor> tensors, std::vector<std::string>& remarks) {
  std::vector<std::string> zeros;
  for (const StoredTensor& tensor : tensors)
    if (tensor.tensor_scale_value == 0) zeros.push_back(in_quotes(tensor.spec.name));
  if (zeros.empty()) return;
  const std::string more = zeros.size() == 1 ? "" : " and of " + grouped(zeros.size() - 1) + " more matrices";
  remarks.push_back("all numbers of " + zeros.front() + more + " count as 0: the tensor scale is 0");
}

bool says(const QuantizationConfig& config, const StoredTensor& tensor) {
  const std::string algorithm = config.algorithm_of(module_of(tensor.spec.name));
  switch (tensor.encoding) {
    case Encoding::nvfp4:
      return algorithm == kNvfp4Algorithm || algorithm == kNvfp4WeightsAlgorithm;
    case Encoding::fp8:
      return algorithm == kFp8Algorithm;
    default:
      return algorithm.empty();
  }
}

// The JSON beside the tensors is for other programs; where it says something else, they may read another model.
void remark_contradictions(const Checkpoint& checkpoint, std::span<const StoredTensor> tensors,
                           std::vector<std::string>& remarks) {
  const auto config = read_quantization(checkpoint.folder());
  if (!config || config->method != kModelOptMethod) return;
  const StoredTensor* first = nullptr;
  size_t wrong = 0;
  for (const StoredTensor& tensor : tensors) {
    const bool may_be_quantized = is_linear(tensor.spec.role) || tensor.spec.role == Role::head;
    if (!may_be_quantized || says(*config, tensor)) continue;
    if (wrong++ == 0) first = &tensor;
  }
  if (wrong == 0) return;
  const std::string module(module_of(first->spec.name)), said = config->algorithm_of(module);
  const std::string more = wrong == 1   ? ""
                           : wrong == 2 ? " (1 more is like that)"
                                        : " (" + grouped(wrong - 1) + " more are like that)";
  remarks.push_back("the quantisation config calls " + in_quotes(module) + " " + (said.empty() ? "plain" : said) +
                    ", but its tensor is " + std::string(name_of(first->encoding)) + more + ": the tensors count");
}

}  // namespace

std::string StoredTensor::where() const { return where_of(codes); }

PairedCheckpoint::PairedCheckpoint(const ModelSpec& spec, Checkpoint checkpoint) : checkpoint_(std::move(checkpoint)) {
  Pairing pairing(spec, checkpoint_);
  tensors_ = pairing.pair(tensors_of(spec, names_in(checkpoint_)));
  Unused unused(spec, tensors_);
  for (const TensorRef& tensor : checkpoint_.tensors())
    if (!pairing.claimed(tensor)) unused.add(tensor);
  unused.refuse();
  unused_ = unused.phrases(checkpoint_);
  remark_zeros(tensors_, remarks_);
  remark_contradictions(checkpoint_, tensors_, remarks_);
}

std::vector<std::string> unused_notices(const PairedCheckpoint& checkpoint) {
  std::vector<std::string> notices;
  for (const std::string& phrase : checkpoint.unused()) notices.push_back("not used: " + phrase);
  notices.insert(notices.end(), checkpoint.remarks().begin(), checkpoint.remarks().end());
  return notices;
}

void require_whole_blocks(const StoredTensor& tensor, std::span<const IndexRange> columns) {
  if (tensor.encoding != Encoding::nvfp4) return;
  for (const IndexRange& range : columns) {
    if (range.begin % kNvfp4Block == 0 && range.count % kNvfp4Block == 0) continue;
    throw Error({.where = tensor.where(),
                 .what = "is NVFP4, and the size cuts through a block of 16 columns",
                 .expected = "runs of columns that begin and end at multiples of 16",
                 .got = std::to_string(range.count) + " columns from " + std::to_string(range.begin),
                 .hint = "Take the unquantised model, or sizes with other widths"});
  }
}

void require_plain(const StoredTensor& tensor, std::string_view what) {
  if (is_plain(tensor.encoding)) return;
  throw Error({.where = tensor.where(),
               .what = std::string(name_of(tensor.encoding)) + " weights are not " + std::string(what) + " yet",
               .expected = "F32, BF16 or F16",
               .got = std::string(name_of(tensor.codes.info->dtype)),
               .hint = "Take the unquantised model"});
}

uint64_t stored_bytes(const StoredTensor& tensor, const Widths& widths) {
  if (!tensor.spec.present(widths)) return 0;
  const uint64_t kept = tensor.spec.elements(widths);
  uint64_t bytes = kept * size_of(tensor.codes.info->dtype);
  if (tensor.encoding == Encoding::nvfp4) bytes = kept / 2 + kept / kNvfp4Block;
  for (const auto& scalar : {tensor.tensor_scale, tensor.input_scale, tensor.kv_scale})
    if (scalar) bytes += scalar->info->end - scalar->info->begin;
  return bytes;
}

}  // namespace starnest
