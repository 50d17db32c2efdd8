#include "convert/quantize.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "arch/paired_checkpoint.h"
#include "convert/test_source.h"
#include "format/json/quantization_config.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

TensorBytes normal(DType dtype, const std::vector<uint64_t>& shape, uint32_t seed) {
  TensorBytes out{dtype, shape, {}};
  std::mt19937 rng(seed);
  std::normal_distribution<float> draw(0, 0.05f);
  for (uint64_t i = 0; i < product(shape); ++i) {
    const float number = draw(rng);
    const uint32_t bits = dtype == DType::bf16 ? to_bf16(number).bits : std::bit_cast<uint32_t>(number);
    for (size_t b = 0; b < size_of(dtype); ++b) out.bytes.push_back(std::byte(bits >> (8 * b)));
  }
  return out;
}

// The tiny model with numbers that are finite.
Source finite_source(DType dtype = DType::bf16, const Tiny& tiny = {}, const nemotron_h::Naming& naming = {}) {
  Source source(tiny, naming);
  uint32_t seed = 0;
  for (auto& [name, stored] : source.tensors)
    stored = normal(stored.dtype == DType::f32 ? DType::f32 : dtype, stored.shape, ++seed);
  return source;
}

std::vector<float> numbers_of(const TensorBytes& stored) {
  std::vector<float> numbers(product(stored.shape));
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = load_f32(stored.dtype, stored.bytes.data(), i);
  return numbers;
}

float magnitude(const TensorBytes& stored) {
  float largest = 0;
  for (const float number : numbers_of(stored)) largest = std::max(largest, std::fabs(number));
  return largest;
}

TensorBytes scalar(float value) {
  TensorBytes out{DType::f32, {}, std::vector<std::byte>(4)};
  std::memcpy(out.bytes.data(), &value, 4);
  return out;
}

// What a matrix becomes, put in the place of its numbers.
void expect_nvfp4(StoredTensors& tensors, const std::string& module, float largest, ScaleRule rule) {
  const TensorBytes plain = tensors.at(module + ".weight");
  const std::vector<float> numbers = numbers_of(plain);
  const Nvfp4Encoder encoder(largest, rule);
  const size_t rows = plain.shape[0], cols = plain.shape[1];
  TensorBytes codes{DType::u8, {rows, cols / 2}, std::vector<std::byte>(rows * cols / 2)};
  TensorBytes scales{DType::f8_e4m3, {rows, cols / 16}, std::vector<std::byte>(rows * cols / 16)};
  for (size_t r = 0; r < rows; ++r)
    encoder.encode(std::span(numbers).subspan(r * cols, cols), &codes.bytes[r * cols / 2],
                   &scales.bytes[r * cols / 16]);
  tensors[module + ".weight"] = codes;
  tensors[module + ".weight_scale"] = scales;
  tensors[module + ".weight_scale_2"] = scalar(encoder.tensor_scale());
}

void expect_fp8(StoredTensors& tensors, const std::string& module) {
  TensorBytes& stored = tensors.at(module + ".weight");
  const auto quotient = stored.dtype == DType::bf16 ? Fp8Encoder::Quotient::rounded_to_bf16 : Fp8Encoder::Quotient::f32;
  const Fp8Encoder encoder(magnitude(stored), quotient);
  TensorBytes codes{DType::f8_e4m3, stored.shape, std::vector<std::byte>(product(stored.shape))};
  encoder.encode(numbers_of(stored), codes.bytes.data());
  stored = codes;
  tensors[module + ".weight_scale"] = scalar(encoder.tensor_scale());
}

// Block 2, a Mamba block, is followed by one with experts; block 3 is followed by attention, but is no Mamba block.
bool becomes(const std::string& preset, const std::string& module, std::string& format) {
  const bool attention = module.find("layers.4.") != std::string::npos;
  const bool mamba = module.ends_with("in_proj") || module.ends_with("out_proj");
  const bool head = module == "lm_head";
  if (!head && !module.ends_with("_proj")) return false;
  if (preset == "all-4bit") format = "NVFP4";
  if (preset == "nano" || preset == "fp8") format = head || attention ? "" : preset == "fp8" ? "FP8" : "NVFP4";
  if (preset == "lightning") format = attention ? "" : mamba ? "FP8" : "NVFP4";
  return !format.empty();
}

StoredTensors expected(const Source& source, const std::string& preset, ScaleRule rule) {
  StoredTensors out = source.tensors;
  for (const auto& [name, stored] : source.tensors) {
    const std::string module(module_of(name));
    std::string format;
    if (!name.ends_with(".weight") || !becomes(preset, module, format)) continue;
    if (format == "FP8") {
      expect_fp8(out, module);
      continue;
    }
    float largest = magnitude(stored);
    for (const char* other : {"q_proj", "k_proj", "v_proj"}) {
      const bool one_of_them = module.ends_with("q_proj") || module.ends_with("k_proj") || module.ends_with("v_proj");
      const std::string sibling = module.substr(0, module.rfind('.') + 1) + other + ".weight";
      if (one_of_them) largest = std::max(largest, magnitude(source.tensors.at(sibling)));
    }
    expect_nvfp4(out, module, largest, rule);
  }
  return out;
}

QuantizeResult quantize_folder(const fs::path& from, const char* preset, const fs::path& to,
                               const QuantizeOptions& options = {}) {
  return quantize(read_family(from), quantization_preset(preset), to, options);
}

using Case = std::tuple<const char*, ScaleRule, DType, Layout>;
class Quantize : public testing::TestWithParam<Case> {};

TEST_P(Quantize, WritesTheCodesAndScalesOfItsPreset) {
  const auto& [preset, rule, dtype, layout] = GetParam();
  const TestFolder temp;
  const Source source = finite_source(dtype);
  source.write(temp / "family", kChain, layout);
  const QuantizeResult result = quantize_folder(temp / "family", preset, temp / "out", {.scales = rule});
  const StoredTensors want = expected(source, preset, rule), got = read_tensors(temp / "out");
  ASSERT_EQ(got.size(), want.size());
  uint64_t bytes = 0;
  for (const auto& [name, stored] : want) {
    EXPECT_EQ(got.at(name), stored) << name;
    bytes += stored.bytes.size();
  }
  EXPECT_EQ(result.bytes, bytes);
  uint64_t reported = 0;
  for (const QuantizedTensor& tensor : result.tensors) {
    reported += tensor.bytes_after;
    EXPECT_EQ(tensor.squares > 0, !is_plain(tensor.to)) << tensor.name;
  }
  EXPECT_EQ(reported, bytes);

  // What it says of itself is true, and its sizes are the family's.
  const FamilySpec family = read_family(temp / "out");
  const PairedCheckpoint paired(family.spec, Checkpoint(temp / "out"));
  EXPECT_EQ(paired.remarks(), std::vector<std::string>{});
  EXPECT_EQ(family.sizes.largest(), 3u);
  if (layout == Layout::single) return;
  EXPECT_CONTAINS(file_text(temp / "out/model.safetensors.index.json"), "\"total_size\": " + std::to_string(bytes));
}

INSTANTIATE_TEST_SUITE_P(All, Quantize,
                         testing::Values(Case{"nano", ScaleRule::mse, DType::bf16, Layout::single},
                                         Case{"nano", ScaleRule::max, DType::f32, Layout::sharded},
                                         Case{"lightning", ScaleRule::four_over_six, DType::bf16, Layout::sharded},
                                         Case{"all-4bit", ScaleRule::mse, DType::f32, Layout::single},
                                         Case{"fp8", ScaleRule::mse, DType::bf16, Layout::single},
                                         Case{"fp8", ScaleRule::mse, DType::f32, Layout::sharded}));

TEST(Quantize, LeavesTheMambaBlockBeforeAttentionPlain) {
  const TestFolder temp;
  const Source source = finite_source(DType::bf16, {.pattern = "M-EM*ME-"});
  source.write(temp / "family", R"({"name": "full"})");
  quantize_folder(temp / "family", "nano", temp / "out");
  const StoredTensors tensors = read_tensors(temp / "out");
  for (const int block : {0, 3, 5})
    for (const char* matrix : {"in_proj", "out_proj"}) {
      const std::string name = "backbone.layers." + std::to_string(block) + ".mixer." + matrix + ".weight";
      EXPECT_EQ(tensors.at(name).dtype, block == 3 ? DType::bf16 : DType::u8) << name;
    }
}

TEST(Quantize, SaysInTheJsonWhatItLeftOut) {
  const TestFolder temp;
  finite_source().write(temp / "family", kChain);
  const auto config_of = [&](const char* preset) {
    quantize_folder(temp / "family", preset, temp / preset, {.version = "1.2.3"});
    return *read_quantization(temp / preset);
  };
  const QuantizationConfig nano = config_of("nano");
  EXPECT_EQ(nano.algorithm, "W4A16_NVFP4");
  EXPECT_EQ(nano.producer + " " + nano.producer_version, "starnest 1.2.3");
  const std::string blocks = "backbone.layers.";
  EXPECT_EQ(nano.excluded,
            (std::vector<std::string>{"backbone.embeddings", blocks + "0.mixer.conv1d", blocks + "2.mixer.conv1d",
                                      blocks + "3.mixer.gate", blocks + "4.mixer.k_proj", blocks + "4.mixer.o_proj",
                                      blocks + "4.mixer.q_proj", blocks + "4.mixer.v_proj", blocks + "5.mixer.conv1d",
                                      blocks + "6.mixer.gate", "lm_head"}));
  const QuantizationConfig lightning = config_of("lightning");
  EXPECT_EQ(lightning.layers.at("backbone.layers.3.mixer.experts"), "W4A16_NVFP4");
  EXPECT_EQ(lightning.layers.at("backbone.layers.5.mixer.in_proj"), "FP8");
  EXPECT_EQ(lightning.layers.at("lm_head"), "W4A16_NVFP4");
  EXPECT_EQ(lightning.layers.size(), 6u + 4 + 2 + 4 + 1);  // Mamba, dense, experts, shared experts, head
  EXPECT_FALSE(config_of("fp8").fp8_inputs);
}

TEST(Quantize, StoresStackedExpertsApart) {
  const TestFolder temp;
  Source stacked = finite_source(DType::bf16, {}, {.stacked_experts = true});
  Source apart = stacked;
  for (const auto& [name, stored] : stacked.tensors) {
    if (stored.shape.size() != 3 || name.find("experts.") == std::string::npos) continue;
    const size_t bytes = stored.bytes.size() / stored.shape[0];
    for (size_t e = 0; e < stored.shape[0]; ++e) {
      std::string of_one = name + ".weight";
      of_one.insert(of_one.find("experts.") + 8, std::to_string(e) + ".");
      const auto first = stored.bytes.begin() + long(e * bytes);
      apart.tensors[of_one] = {stored.dtype, {stored.shape[1], stored.shape[2]}, {first, first + long(bytes)}};
    }
    apart.tensors.erase(name);
  }
  stacked.write(temp / "stacked", kChain);
  apart.write(temp / "apart", kChain);
  quantize_folder(temp / "stacked", "nano", temp / "a");
  quantize_folder(temp / "apart", "nano", temp / "b");
  EXPECT_EQ(read_tensors(temp / "a"), read_tensors(temp / "b"));
}

TEST(Quantize, CopiesWhatBelongsToTheFamily) {
  const TestFolder temp;
  finite_source().write(temp / "family", kChain);
  uint64_t last = 0, all = 0;
  quantize_folder(temp / "family", "fp8", temp / "out", {.progress = [&](uint64_t done, uint64_t total) {
                    EXPECT_GE(done, last);
                    last = done, all = total;
                  }});
  EXPECT_EQ(last, all);
  for (const char* name : {"elastic.json", "tokenizer.json", "generation_config.json", "chat_template.jinja"})
    EXPECT_EQ(file_text(temp / "out" / name), file_text(temp / "family" / name)) << name;
  EXPECT_CONTAINS(file_text(temp / "out/SHA256SUMS"), "  hf_quant_config.json\n");
  quantize_folder(temp / "family", "fp8", temp / "other", {.elastic = R"({"format": "starnest-elastic", "version": 1,
      "sizes": [{"name": "one"}]})"});
  EXPECT_EQ(read_family(temp / "other").sizes.largest(), 1u);
}

TEST(Quantize, WritesZerosThatAreReadAsZeros) {
  const TestFolder temp;
  Source source = finite_source();
  const std::string module = "backbone.layers.1.mixer.up_proj";
  TensorBytes& zeros = source.tensors.at(module + ".weight");
  std::fill(zeros.bytes.begin(), zeros.bytes.end(), std::byte{0});
  source.write(temp / "family", kChain);
  const QuantizeResult result = quantize_folder(temp / "family", "nano", temp / "out");
  const StoredTensors tensors = read_tensors(temp / "out");
  EXPECT_EQ(tensors.at(module + ".weight_scale_2"), scalar(1));
  for (const std::byte scale : tensors.at(module + ".weight_scale").bytes) EXPECT_EQ(scale, std::byte{0x38});
  for (const std::byte code : tensors.at(module + ".weight").bytes) EXPECT_EQ(code, std::byte{0});
}

// The error for a source that `change` has spoiled; nothing may be left behind.
std::string quantize_error_after(const std::function<void(Source&)>& change, const char* preset = "nano",
                                 const Tiny& tiny = {}) {
  const TestFolder temp;
  Source source = finite_source(DType::bf16, tiny);
  change(source);
  source.write(temp / "family", R"({"name": "full"})");
  const std::string error = error_of([&] { quantize_folder(temp / "family", preset, temp / "out"); });
  EXPECT_EQ(fs::exists(temp / "out"), error == "no error");
  EXPECT_FALSE(fs::exists(temp / "out.partial"));
  return error;
}

TEST(QuantizeError, NamesANumberThatIsNotFinite) {
  const auto put = [](std::string name, uint16_t bits) {
    return quantize_error_after([name, bits](Source& s) {
      std::memcpy(&s.tensors.at("backbone.layers." + name + ".weight").bytes[2 * 1000], &bits, 2);
    });
  };
  EXPECT_CONTAINS(put("1.mixer.up_proj", 0x7fc0),
                  "up_proj.weight': cannot be quantised: number 1,000, counted from 0, is not finite; got nan");
  EXPECT_CONTAINS(put("6.mixer.experts.3.down_proj", 0xff80), "experts.3.down_proj.weight'");
  EXPECT_EQ(put("4.mixer.q_proj", 0x7f80), "no error");  // stays plain
}

TEST(QuantizeError, NamesAMatrixThatIsQuantisedAlready) {
  const std::string error = quantize_error_after([](Source& s) {
    TensorBytes& stored = s.tensors.at("backbone.layers.4.mixer.q_proj.weight");
    stored = pattern("x", DType::f8_e4m3, stored.shape);
    s.tensors["backbone.layers.4.mixer.q_proj.weight_scale"] = scalar(1);
  });
  EXPECT_CONTAINS(error, "q_proj.weight': is quantised already");
}

TEST(QuantizeError, NamesAWidthThatNvfp4CannotHave) {
  const Tiny tiny{.moe_ffn = 24};
  EXPECT_CONTAINS(quantize_error_after([](Source&) {}, "nano", tiny),
                  "experts.0.down_proj.weight': cannot become NVFP4: its width is no multiple of 16");
  EXPECT_EQ(quantize_error_after([](Source&) {}, "fp8", tiny), "no error");
}

TEST(QuantizeError, LeavesNothingWhenItIsCancelled) {
  const TestFolder temp;
  finite_source().write(temp / "family", kChain);
  const auto cancel = [](uint64_t done, uint64_t total) {
    if (2 * done > total) throw Error("test", "cancelled");
  };
  EXPECT_CONTAINS(error_of([&] { quantize_folder(temp / "family", "nano", temp / "out", {.progress = cancel}); }),
                  "cancelled");
  EXPECT_FALSE(fs::exists(temp / "out"));
  EXPECT_FALSE(fs::exists(temp / "out.partial"));
}

}  // namespace
}  // namespace starnest
