#include "arch/quantization_preset.h"

#include <gtest/gtest.h>

#include "arch/registry.h"
#include "base/test_support.h"

namespace starnest {
namespace {

ModelSpec nano_model() {
  const HfConfig config = HfConfig::read(STARNEST_SOURCE_DIR "/tests/data/configs/nano_30b/config.json");
  return architecture_of(config).read(config);
}

double gigabytes(std::string_view name) {
  const ModelSpec spec = nano_model();
  const QuantizationPreset& preset = quantization_preset(name);
  uint64_t bytes = 0;
  for (const TensorSpec& tensor : unnamed_tensors(spec, Experts::apart)) {
    const bool is_gate = tensor.role == Role::gate || tensor.role == Role::gate_bias;
    const Encoding plain = is_gate ? Encoding::f32 : Encoding::bf16;
    bytes += stored_bytes(preset.of(part_of(spec, tensor)).value_or(plain), tensor.elements(full_widths(spec)));
  }
  return double(bytes) / 1e9;
}

TEST(QuantizationPreset, GivesThePublishedSizesOfNano30B) {
  EXPECT_NEAR(gigabytes("nano"), 19.339781632, 1e-9);
  EXPECT_NEAR(gigabytes("lightning"), 18.89, 0.005);
  EXPECT_NEAR(gigabytes("all-4bit"), 18.30, 0.005);
  EXPECT_NEAR(gigabytes("fp8"), 32.68, 0.005);
}

TEST(QuantizationPreset, OnlyTheMambaBlockRightBeforeAttentionIsSpecial) {
  const ModelSpec spec = nano_model();
  std::string parts;
  for (const TensorSpec& tensor : unnamed_tensors(spec, Experts::stacked))
    if (tensor.role == Role::mamba_out) parts += part_of(spec, tensor) == ModulePart::mamba ? 'M' : 'm';
  EXPECT_EQ(parts, "MMmMMmMMmMMmMMmMMMmMMMM");  // MEMEM*EMEMEM*...
}

TEST(QuantizationPreset, IsFoundByNameAndFormat) {
  EXPECT_EQ(default_preset(Encoding::nvfp4).name, "nano");
  EXPECT_EQ(default_preset(Encoding::fp8).name, "fp8");
  const std::string message = error_of([] { quantization_preset("nan"); });
  EXPECT_CONTAINS(message, "Did you mean 'nano'");
}

}  // namespace
}  // namespace starnest
