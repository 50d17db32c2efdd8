#include "arch/quantization_preset.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr auto kNvfp4 = std::optional(Encoding::nvfp4), kFp8 = std::optional(Encoding::fp8);
constexpr std::optional<Encoding> kPlain;

// nano and fp8 are the lists of NVIDIA's Nemotron 3 Nano, lightning that of Nemotron 3.5 Lightning.
// clang-format off
constexpr std::array<QuantizationPreset, 4> kPresets{{
    //                                mamba   before attention  attention  routed  shared  dense   head    other
    {"nano",      Encoding::nvfp4, {{kNvfp4, kPlain,           kPlain,    kNvfp4, kNvfp4, kNvfp4, kPlain, kPlain}}},
    {"lightning", Encoding::nvfp4, {{kFp8,   kFp8,             kPlain,    kNvfp4, kNvfp4, kNvfp4, kNvfp4, kPlain}}},
    {"all-4bit",  Encoding::nvfp4, {{kNvfp4, kNvfp4,           kNvfp4,    kNvfp4, kNvfp4, kNvfp4, kNvfp4, kPlain}}},
    {"fp8",       Encoding::fp8,   {{kFp8,   kPlain,           kPlain,    kFp8,   kFp8,   kFp8,   kPlain, kPlain}}},
}};
// clang-format on

bool is_attention(const ModelSpec& spec, int block) {
  return block < int(spec.blocks.size()) && std::holds_alternative<AttentionSpec>(spec.blocks[size_t(block)]);
}

}  // namespace

ModulePart part_of(const ModelSpec& spec, const TensorSpec& tensor) {
  switch (tensor.role) {
    case Role::mamba_in:
    case Role::mamba_out:
      return is_attention(spec, tensor.block + 1) ? ModulePart::mamba_before_attention : ModulePart::mamba;
    case Role::query:
    case Role::key:
    case Role::value:
    case Role::attention_out:
      return ModulePart::attention;
    case Role::expert_up:
    case Role::expert_down:
      return ModulePart::routed_experts;
    case Role::shared_up:
    case Role::shared_down:
      return ModulePart::shared_expert;
    case Role::up:
    case Role::down:
      return ModulePart::dense;
    case Role::head:
      return ModulePart::head;
    default:
      return ModulePart::other;
  }
}

std::span<const QuantizationPreset> quantization_presets() { return kPresets; }

const QuantizationPreset& quantization_preset(std::string_view name) {
  std::vector<std::string> known;
  for (const QuantizationPreset& preset : kPresets) {
    if (preset.name == name) return preset;
    known.emplace_back(preset.name);
  }
  throw Error({.where = in_quotes(name), .what = "is no preset of formats", .hint = suggest(name, known)});
}

const QuantizationPreset& default_preset(Encoding format) {
  const auto found =
      std::find_if(kPresets.begin(), kPresets.end(), [&](const auto& preset) { return preset.format == format; });
  SN_CHECK(found != kPresets.end(), "a format without a preset");
  return *found;
}

}  // namespace starnest
