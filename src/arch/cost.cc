#include "arch/cost.h"

#include "arch/quantization_preset.h"

namespace starnest {

EncodingOf published_as(Encoding format, const ModelSpec& spec) {
  return [format, &spec](const TensorSpec& tensor) {
    if (format == Encoding::f32 || tensor.role == Role::gate || tensor.role == Role::gate_bias) return Encoding::f32;
    if (is_plain(format)) return format;
    return default_preset(format).of(part_of(spec, tensor)).value_or(Encoding::bf16);
  };
}

SizeCosts::SizeCosts(const ModelSpec& spec, const EncodingOf& encoding_of)
    : tensors_(unnamed_tensors(spec, Experts::apart)) {
  encodings_.reserve(tensors_.size());
  for (const TensorSpec& tensor : tensors_) encodings_.push_back(encoding_of(tensor));
}

Cost SizeCosts::of(const Widths& widths) const {
  std::vector<CostedTensor> costed;
  costed.reserve(tensors_.size());
  for (size_t i = 0; i < tensors_.size(); ++i) costed.push_back({&tensors_[i], encodings_[i]});
  return cost_of(costed, widths);
}

Cost cost_of(const ModelSpec& spec, const Widths& widths, Encoding format) {
  return SizeCosts(spec, published_as(format, spec)).of(widths);
}

StateCost state_cost_of(const BlockSpec& full, const BlockWidths& widths) {
  StateCost cost;
  if (!widths.kept) return cost;
  const BlockSpec block = narrowed(full, widths);
  if (const auto* attention = std::get_if<AttentionSpec>(&block))
    cost.kv_per_token = 2 * uint64_t(attention->kv_heads) * uint64_t(attention->head_dim);
  if (const auto* mamba = std::get_if<Mamba2Spec>(&block)) {
    const uint64_t channels = uint64_t(mamba->heads) * uint64_t(mamba->head_dim);
    cost.ssm = channels * uint64_t(mamba->state);
    cost.conv = uint64_t(mamba->conv_width - 1) * (channels + 2 * uint64_t(mamba->groups) * uint64_t(mamba->state));
  }
  return cost;
}

StateCost state_cost_of(const ModelSpec& spec, const Widths& widths) {
  StateCost sum;
  for (size_t b = 0; b < spec.blocks.size(); ++b) {
    const StateCost block = state_cost_of(spec.blocks[b], widths.blocks[b]);
    sum.kv_per_token += block.kv_per_token, sum.ssm += block.ssm, sum.conv += block.conv;
  }
  return sum;
}

}  // namespace starnest
