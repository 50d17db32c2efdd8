#include "arch/paired_checkpoint.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "base/quantized.h"
#include "base/text.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr std::string_view kDoNotBelong = "Check that weights and config.json belong together";

std::string where_of(const TensorRef& tensor) {
  return tensor.file->path().string() + ": tensor " + in_quotes(tensor.info->name);
}

[[noreturn]] void wrong_shape(const TensorRef& tensor, std::span<const uint64_t> expected, std::string_view of) {
  throw Error({.where = where_of(tensor),
               .what = "has the wrong shape",
               .expected = shape_text(expected) + std::string(of),
               .got = shape_text(tensor.info->shape),
               .hint = std::string(kDoNotBelong)});
}

void require_dtype(const TensorRef& tensor, DType dtype) {
  if (tensor.info->dtype == dtype) return;
  throw Error({.where = where_of(tensor),
               .what = "has the wrong type",
               .expected = std::string(name_of(dtype)),
               .got = std::string(name_of(tensor.info->dtype))});
}

// Finds what a checkpoint holds for each tensor of a model, and remembers what was found.
class Pairing {
 public:
  Pairing(const ModelSpec& spec, const Checkpoint& checkpoint) : checkpoint_(checkpoint), full_(full_widths(spec)) {}

  std::vector<StoredTensor> pair(std::vector<TensorSpec> specs) {
    refuse_missing(specs);
    std::vector<StoredTensor> tensors;
    for (TensorSpec& spec : specs) tensors.push_back(stored(std::move(spec)));
    return tensors;
  }

  bool claimed(const TensorRef& tensor) const { return claimed_.contains(tensor.info); }

 private:
  std::optional<TensorRef> claim(std::string_view name) {
    const auto found = checkpoint_.find(name);
    if (found) claimed_.insert(found->info);
    return found;
  }

  void refuse_missing(std::span<const TensorSpec> specs) const {
    std::vector<std::string> missing;
    for (const TensorSpec& spec : specs)
      if (!checkpoint_.find(spec.name)) missing.push_back(spec.name);
    if (missing.empty()) return;
    const std::string more = missing.size() == 1 ? "" : " and " + grouped(missing.size() - 1) + " more";
    throw Error({.where = checkpoint_.folder().string(),
                 .what = "tensor " + in_quotes(missing.front()) + more + " is missing",
                 .expected = grouped(specs.size()) + " tensors of the model of config.json",
                 .got = grouped(specs.size() - missing.size()),
                 .hint = "The checkpoint is incomplete, or config.json belongs to another model"});
  }

  StoredTensor stored(TensorSpec spec) {
    StoredTensor tensor{std::move(spec), {}, {}, {}, {}};
    tensor.codes = *claim(tensor.spec.name);
    switch (tensor.codes.info->dtype) {
      case DType::f32:
        return plain(std::move(tensor), Encoding::f32);
      case DType::bf16:
        return plain(std::move(tensor), Encoding::bf16);
      case DType::f16:
        return plain(std::move(tensor), Encoding::f16);
      case DType::f8_e4m3:
        return quantised(std::move(tensor), Encoding::fp8);
      case DType::u8:
        return quantised(std::move(tensor), Encoding::nvfp4);
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

  // Codes and scales as NVIDIA's Model Optimizer writes them.
  StoredTensor quantised(StoredTensor tensor, Encoding encoding) {
    constexpr std::string_view kWeight = ".weight";
    const std::vector<uint64_t> shape = tensor.spec.shape(full_);
    const std::string stored_as(name_of(tensor.codes.info->dtype));
    if (!is_linear(tensor.spec.role) && tensor.spec.role != Role::head)
      throw Error({.where = tensor.where(), .what = "is quantised", .expected = "F32, BF16 or F16", .got = stored_as});
    if (!tensor.spec.name.ends_with(kWeight) || shape.size() != 2)
      throw Error(
          {.where = tensor.where(), .what = "is quantised", .expected = "one matrix per expert", .got = stored_as});
    const std::string module = tensor.spec.name.substr(0, tensor.spec.name.size() - kWeight.size());
    tensor.encoding = encoding;
    tensor.tensor_scale = scale(tensor, module + (encoding == Encoding::fp8 ? ".weight_scale" : ".weight_scale_2"));
    require_dtype(*tensor.tensor_scale, DType::f32);
    if (!tensor.tensor_scale->info->shape.empty() && tensor.tensor_scale->info->shape != std::vector<uint64_t>{1})
      wrong_shape(*tensor.tensor_scale, {}, ", a single number");
    std::vector<uint64_t> codes = shape;
    if (encoding == Encoding::nvfp4) {
      if (shape[1] % kNvfp4Block != 0) throw Error(tensor.where(), "has a width that is no multiple of 16");
      codes[1] /= 2;
      tensor.scales = scale(tensor, module + ".weight_scale");
      require_dtype(*tensor.scales, DType::f8_e4m3);
      const std::vector<uint64_t> blocks{shape[0], shape[1] / kNvfp4Block};
      if (tensor.scales->info->shape != blocks) wrong_shape(*tensor.scales, blocks, ", one scale per 16 numbers");
    }
    if (tensor.codes.info->shape != codes) wrong_shape(tensor.codes, codes, " for the full model");
    claim(module + ".input_scale");
    return tensor;
  }

  TensorRef scale(const StoredTensor& tensor, const std::string& name) {
    if (const auto found = claim(name)) return *found;
    throw Error({.where = tensor.where(),
                 .what = "is stored as " + std::string(name_of(tensor.codes.info->dtype)) + ", and its scale " +
                         in_quotes(name) + " is missing",
                 .hint = "Fetch or convert the model again"});
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
    else if (name.ends_with("_proj.k_scale") || name.ends_with("_proj.v_scale"))
      ++kv_scales_;
    else if (embedding_ && name == kHead)
      add_head(tensor);
    else
      refused_.push_back(tensor);
  }

  std::vector<std::string> phrases(const Checkpoint& checkpoint) const {
    std::vector<std::string> out;
    if (predicts_) out.push_back(counted(predicts_, "multi-token prediction (mtp.*)"));
    if (rotary_) out.push_back(counted(rotary_, "rotary positions (inv_freq), which the model does not have"));
    if (kv_scales_) out.push_back(counted(kv_scales_, "FP8 keys and values (k_scale, v_scale)"));
    if (copied_head_) out.push_back(std::string(kHead) + ", which is the embedding table again");
    if (const size_t old = checkpoint.superseded())
      out.push_back(counted(old, "shards for which the index names another shard"));
    return out;
  }

  void refuse() const {
    if (refused_.empty()) return;
    const std::string more = refused_.size() == 1 ? "" : " (" + grouped(refused_.size() - 1) + " more are like that)";
    throw Error({.where = where_of(refused_.front()),
                 .what = "the model of config.json has no such tensor" + more,
                 .hint = std::string(kDoNotBelong)});
  }

 private:
  static constexpr std::string_view kHead = "lm_head.weight";

  void add_head(const TensorRef& tensor) {
    if (!same_numbers(tensor, *embedding_))
      throw Error({.where = where_of(tensor),
                   .what = "differs from the embedding table, to which config.json ties the head",
                   .hint = "Set tie_word_embeddings to false when the model has a head of its own"});
    copied_head_ = true;
  }

  const TensorRef* embedding_ = nullptr;  // that the head is tied to
  size_t predicts_ = 0, rotary_ = 0, kv_scales_ = 0;
  bool copied_head_ = false;
  std::vector<TensorRef> refused_;
};

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
}

std::vector<std::string> unused_notices(const PairedCheckpoint& checkpoint) {
  std::vector<std::string> notices;
  for (const std::string& phrase : checkpoint.unused()) notices.push_back("not used: " + phrase);
  return notices;
}

void require_plain(const StoredTensor& tensor, std::string_view what) {
  if (is_plain(tensor.encoding)) return;
  throw Error({.where = tensor.where(),
               .what = std::string(name_of(tensor.encoding)) + " weights are not " + std::string(what) + " yet",
               .expected = "F32, BF16 or F16",
               .got = std::string(name_of(tensor.codes.info->dtype)),
               .hint = "Take the unquantised model"});
}

}  // namespace starnest
