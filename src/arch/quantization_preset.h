// Which parts of a model a quantised checkpoint stores in which format.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>

#include "arch/tensors.h"
#include "base/encoding.h"

namespace starnest {

// Linear layers that published recipes treat alike. Whatever else a model has stays plain: embeddings, norms,
// convolutions, gates, biases.
enum class ModulePart { mamba, mamba_before_attention, attention, routed_experts, shared_expert, dense, head, other };
inline constexpr size_t kModuleParts = 8;

ModulePart part_of(const ModelSpec& spec, const TensorSpec& tensor);

struct QuantizationPreset {
  std::string_view name;
  Encoding format;                                             // what most of it becomes
  std::array<std::optional<Encoding>, kModuleParts> encoding;  // by part; nothing: stays as it is

  std::optional<Encoding> of(ModulePart part) const { return encoding[size_t(part)]; }
};

std::span<const QuantizationPreset> quantization_presets();
// Throws Error that lists the known ones.
const QuantizationPreset& quantization_preset(std::string_view name);
// The recipe of Nemotron 3 Nano, for fp8 or nvfp4.
const QuantizationPreset& default_preset(Encoding format);

}  // namespace starnest
