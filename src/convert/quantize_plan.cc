#include "convert/quantize_plan.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/quantized.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr uint64_t kInputScale = 4;  // bytes that stored_bytes counts and that are not written

// Where the numbers of each tensor of the copy are in the source.
class Sources {
 public:
  explicit Sources(const PairedCheckpoint& source) : checkpoint_(source.checkpoint()) {
    for (const StoredTensor& tensor : source.tensors()) {
      by_name_[tensor.spec.name] = &tensor;
      if (tensor.spec.stacked()) stacked_[{tensor.spec.block, tensor.spec.role}] = &tensor;
    }
  }

  // The names of the copy are those of the source, but for stacked experts, which it does not have.
  HasTensor names() const {
    return [this](std::string_view name) {
      const auto found = by_name_.find(name);
      return found == by_name_.end() ? checkpoint_.find(name).has_value() : !found->second->spec.stacked();
    };
  }

  void locate(PlannedTensor& tensor) const {
    const auto same_name = by_name_.find(tensor.spec.name);
    if (same_name != by_name_.end()) {
      tensor.source = same_name->second;
      return;
    }
    tensor.source = stacked_.at({tensor.spec.block, tensor.spec.role});
    tensor.begin = uint64_t(tensor.spec.expert) * tensor.source_bytes();
  }

 private:
  const Checkpoint& checkpoint_;
  std::map<std::string, const StoredTensor*, std::less<>> by_name_;
  std::map<std::pair<int, Role>, const StoredTensor*> stacked_;
};

void check(const PlannedTensor& tensor) {
  if (!is_plain(tensor.source->encoding))
    throw Error({.where = tensor.source->where(),
                 .what = "is quantised already",
                 .expected = "F32, BF16 or F16",
                 .got = std::string(name_of(tensor.source->encoding)),
                 .hint = "Quantise the unquantised model"});
  if (tensor.to == Encoding::nvfp4 && tensor.shape.back() % kNvfp4Block != 0)
    throw Error({.where = tensor.source->where(),
                 .what = "cannot become NVFP4: its width is no multiple of 16",
                 .expected = "a multiple of 16",
                 .got = std::to_string(tensor.shape.back()),
                 .hint = "Use --to fp8, or a preset that leaves it as it is"});
}

// Programs that read the JSON know all experts of a block as one module.
std::string listed_module(const PlannedTensor& tensor) {
  std::string module = tensor.module();
  if (tensor.spec.expert < 0) return module;
  return module.substr(0, module.rfind("." + std::to_string(tensor.spec.expert) + "."));
}

std::string_view algorithm_of(Encoding encoding) {
  return encoding == Encoding::nvfp4 ? kNvfp4WeightsAlgorithm : kFp8Algorithm;
}

// What exporters list as left out: the modules that look like matrices.
bool is_listed_plain(const PlannedTensor& tensor) {
  const Role role = tensor.spec.role;
  return tensor.part != ModulePart::other || role == Role::embedding || role == Role::conv_taps || role == Role::gate;
}

}  // namespace

uint64_t PlannedTensor::elements() const {
  uint64_t product = 1;
  for (const uint64_t extent : shape) product *= extent;
  return product;
}

std::string PlannedTensor::scale_name() const {
  return module() + (to == Encoding::nvfp4 ? ".weight_scale_2" : ".weight_scale");
}

std::vector<TensorHeader> PlannedTensor::headers() const {
  if (!to) return {{spec.name, source->codes.info->dtype, shape}};
  const TensorHeader scale{scale_name(), DType::f32, {}};
  if (to == Encoding::fp8) return {{spec.name, DType::f8_e4m3, shape}, scale};
  return {{spec.name, DType::u8, {shape[0], shape[1] / 2}},
          {module() + ".weight_scale", DType::f8_e4m3, {shape[0], shape[1] / kNvfp4Block}},
          scale};
}

uint64_t PlannedTensor::bytes() const { return to ? stored_bytes(*to, elements()) - kInputScale : source_bytes(); }

uint64_t QuantizationPlan::bytes() const {
  uint64_t bytes = 0;
  for (const PlannedTensor& tensor : tensors) bytes += tensor.bytes();
  return bytes;
}

QuantizationPlan plan_quantization(const ModelSpec& spec, const PairedCheckpoint& source,
                                   const QuantizationPreset& preset) {
  const Sources sources(source);
  const Widths full = full_widths(spec);
  QuantizationPlan plan;
  for (TensorSpec& tensor : tensors_of(spec, sources.names())) {
    PlannedTensor planned{.spec = std::move(tensor)};
    planned.part = part_of(spec, planned.spec);
    planned.shape = planned.spec.shape(full);
    planned.to = preset.of(planned.part);
    sources.locate(planned);
    check(planned);
    plan.tensors.push_back(std::move(planned));
  }
  for (size_t i = 0; i < plan.tensors.size(); ++i)
    plan.shards[plan.tensors[i].source->codes.file->path().filename().string()].push_back(i);
  return plan;
}

void share_scales(QuantizationPlan& plan) {
  const auto shares = [](const PlannedTensor& tensor) {
    const Role role = tensor.spec.role;
    return tensor.to && (role == Role::query || role == Role::key || role == Role::value);
  };
  std::map<int, float> largest;  // by block
  for (const PlannedTensor& tensor : plan.tensors)
    if (shares(tensor)) largest[tensor.spec.block] = std::max(largest[tensor.spec.block], tensor.largest);
  for (PlannedTensor& tensor : plan.tensors)
    if (shares(tensor)) tensor.largest = largest.at(tensor.spec.block);
}

QuantizationConfig describe(const QuantizationPlan& plan) {
  QuantizationConfig config{.producer = "starnest", .fp8_inputs = false};
  std::set<std::string> algorithms, plain;
  for (const PlannedTensor& tensor : plan.tensors) {
    if (tensor.to) {
      algorithms.emplace(algorithm_of(*tensor.to));
      config.layers.emplace(listed_module(tensor), algorithm_of(*tensor.to));
    } else if (is_listed_plain(tensor)) {
      plain.insert(listed_module(tensor));
    }
  }
  if (algorithms.size() != 1) return config;
  config.algorithm = *algorithms.begin();
  config.layers.clear();
  config.excluded.assign(plain.begin(), plain.end());
  return config;
}

}  // namespace starnest
