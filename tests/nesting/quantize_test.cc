// Quantised, then cut, is cut, then quantised with the scales of the family: on bytes, for the models that ship.
#include "convert/quantize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "arch/paired_checkpoint.h"
#include "base/test_support.h"
#include "convert/slice.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

constexpr std::array kRules{ScaleRule::mse, ScaleRule::max, ScaleRule::four_over_six};

std::vector<float> numbers_of(const StoredTensor& tensor) {
  const TensorInfo& info = *tensor.codes.info;
  std::vector<float> numbers((info.end - info.begin) / size_of(info.dtype));
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = load_f32(info.dtype, tensor.codes.bytes().data(), i);
  return numbers;
}

bool is_qkv(Role role) { return role == Role::query || role == Role::key || role == Role::value; }

// The magnitudes of the family, by the name of a tensor in it.
std::map<std::string, float> largest_in(const PairedCheckpoint& family) {
  std::map<std::string, float> largest;
  std::map<int, float> attention;
  for (const StoredTensor& tensor : family.tensors()) {
    float& here = largest[tensor.spec.name];
    for (const float number : numbers_of(tensor)) here = std::max(here, std::fabs(number));
    if (is_qkv(tensor.spec.role)) attention[tensor.spec.block] = std::max(attention[tensor.spec.block], here);
  }
  for (const StoredTensor& tensor : family.tensors())
    if (is_qkv(tensor.spec.role)) largest[tensor.spec.name] = attention.at(tensor.spec.block);
  return largest;
}

std::vector<std::byte> bytes_of(const TensorRef& tensor) {
  const auto bytes = tensor.bytes();
  return {bytes.begin(), bytes.end()};
}

// A matrix of the plain slice, encoded with the magnitude of the family, is what the quantised slice holds.
void expect_encoded(const StoredTensor& plain, const StoredTensor& quantized, float largest, ScaleRule rule) {
  const std::vector<float> numbers = numbers_of(plain);
  if (quantized.encoding == Encoding::fp8) {
    const Fp8Encoder encoder(largest, Fp8Encoder::Quotient::f32);
    std::vector<std::byte> codes(numbers.size());
    encoder.encode(numbers, codes.data());
    EXPECT_EQ(bytes_of(quantized.codes), codes) << plain.spec.name;
    EXPECT_EQ(quantized.tensor_scale_value, encoder.tensor_scale()) << plain.spec.name;
    return;
  }
  ASSERT_EQ(quantized.encoding, Encoding::nvfp4) << plain.spec.name;
  const Nvfp4Encoder encoder(largest, rule);
  std::vector<std::byte> codes(numbers.size() / 2), scales(numbers.size() / kNvfp4Block);
  const size_t cols = plain.codes.info->shape[1];
  for (size_t at = 0; at < numbers.size(); at += cols)
    encoder.encode(std::span(numbers).subspan(at, cols), &codes[at / 2], &scales[at / kNvfp4Block]);
  EXPECT_EQ(bytes_of(quantized.codes), codes) << plain.spec.name;
  EXPECT_EQ(bytes_of(*quantized.scales), scales) << plain.spec.name;
  EXPECT_EQ(quantized.tensor_scale_value, encoder.tensor_scale()) << plain.spec.name;
}

// The sizes of the model, and one that has fewer blocks, experts, Mamba heads and query heads besides.
std::string sizes_with_a_depth_cut(const FamilySpec& family) {
  std::string layers;
  for (size_t b = 0; b < family.spec.blocks.size(); ++b)
    if (b != 1) layers += (layers.empty() ? "" : ", ") + std::to_string(b);  // block 1 is attention
  return R"({"format": "starnest-elastic", "version": 1, "sizes": [{"name": "large"}, {"name": "cut",
      "n_routed_experts": 4, "mamba_num_heads": 2, "hidden_size": 48, "layers": [)" +
         layers + "]}]}";
}

class QuantizeShipped : public testing::TestWithParam<std::string> {
 protected:
  TestFolder temp;
  fs::path model = fs::path(STARNEST_SOURCE_DIR) / "models" / GetParam();

  void expect_commutes(const QuantizationPreset& preset, ScaleRule rule, const std::string& elastic) {
    const FamilySpec family = read_family(model, elastic);
    const PairedCheckpoint whole(family.spec, Checkpoint(family.folder));
    const auto largest = largest_in(whole);
    const fs::path quantized = temp / "quantized family";
    quantize(family, preset, quantized, {.scales = rule, .overwrite = Overwrite::replace});
    FamilySpec quantized_family = read_family(quantized, elastic);
    for (const Size& size : family.sizes.largest_first()) {
      if (!fs::exists(temp / size.name)) slice(family, size, temp / size.name);
      slice(quantized_family, size, temp / "quantized cut", {.overwrite = Overwrite::replace});
      expect_same(whole, size, largest, rule);
    }
  }

  void expect_same(const PairedCheckpoint& whole, const Size& size, const std::map<std::string, float>& largest,
                   ScaleRule rule) {
    const FamilySpec spec = read_family(temp / size.name);
    const PairedCheckpoint plain(spec.spec, Checkpoint(temp / size.name)),
        cut(spec.spec, Checkpoint(temp / "quantized cut"));
    EXPECT_EQ(cut.remarks(), std::vector<std::string>{}) << size.name;
    size_t next = 0, quantized = 0;
    for (const StoredTensor& tensor : whole.tensors()) {
      if (!tensor.spec.present(size.widths)) continue;
      const StoredTensor &here = plain.tensors()[next], &there = cut.tensors()[next++];
      ASSERT_EQ(here.spec.name, there.spec.name);
      if (is_plain(there.encoding)) {
        EXPECT_EQ(bytes_of(here.codes), bytes_of(there.codes)) << here.spec.name;
      } else {
        expect_encoded(here, there, largest.at(tensor.spec.name), rule);
        ++quantized;
      }
    }
    EXPECT_EQ(next, cut.tensors().size());
    EXPECT_GE(quantized, 8u);
  }
};

TEST_P(QuantizeShipped, CutIsTheCutQuantised) {
  for (const QuantizationPreset& preset : quantization_presets())
    for (const ScaleRule rule : kRules) {
      if (preset.format == Encoding::fp8 && rule != kRules.front()) continue;  // has no blocks
      SCOPED_TRACE(std::string(preset.name) + " " + std::to_string(int(rule)));
      expect_commutes(preset, rule, {});
    }
}

TEST_P(QuantizeShipped, CutInEveryWayIsTheCutQuantised) {
  const fs::path elastic = temp.write("sizes.json", sizes_with_a_depth_cut(read_family(model)));
  expect_commutes(quantization_preset("all-4bit"), ScaleRule::mse, elastic.string());
  expect_commutes(quantization_preset("lightning"), ScaleRule::mse, elastic.string());
}

INSTANTIATE_TEST_SUITE_P(All, QuantizeShipped, testing::Values("knower", "pocket", "reasoner", "storyteller"),
                         [](const auto& named) { return named.param; });

// Weights that are nearly normal: figures that each rule reaches on them, of which a wrong rule misses its own.
TEST_P(QuantizeShipped, LosesWhatItsRuleLoses) {
  const FamilySpec family = read_family(model);
  const auto nmse = [&](const char* preset, ScaleRule rule) {
    const QuantizeResult result =
        quantize(family, quantization_preset(preset), temp / "q", {.scales = rule, .overwrite = Overwrite::replace});
    double sum = 0, count = 0;
    for (const QuantizedTensor& tensor : result.tensors)
      if (!is_plain(tensor.to) && tensor.part != ModulePart::head)
        sum += tensor.squared_error / tensor.squares, ++count;
    return sum / count;
  };
  EXPECT_NEAR(nmse("all-4bit", ScaleRule::max), 9.1e-3, 0.1e-3);
  EXPECT_NEAR(nmse("all-4bit", ScaleRule::four_over_six), 7.55e-3, 0.15e-3);
  EXPECT_NEAR(nmse("all-4bit", ScaleRule::mse), 6.7e-3, 0.1e-3);
  EXPECT_NEAR(nmse("fp8", ScaleRule::mse), 7.0e-4, 0.1e-4);
}

}  // namespace
}  // namespace starnest
