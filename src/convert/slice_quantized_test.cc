// Slices of quantised checkpoints: which bytes, and what the JSON says of them.
#include <map>

#include "arch/paired_checkpoint.h"
#include "convert/expected_slice.h"
#include "format/json/quantization_config.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

const std::vector<int> kSmallLayers{0, 1, 4, 6};

// A tensor for each number (NVFP4: each code), as it would be stored plain, and its scales.
struct Numbers {
  TensorBytes codes, scales;
};

bool is_nvfp4(const std::string& module) { return !module.ends_with("q_proj") && module.find("shared") == module.npos; }

TensorBytes packed(const TensorBytes& codes) {
  TensorBytes out{DType::u8, {codes.shape[0], codes.shape[1] / 2}, {}};
  for (size_t i = 0; i < codes.bytes.size(); i += 2) out.bytes.push_back(codes.bytes[i] | codes.bytes[i + 1] << 4);
  return out;
}

TensorBytes number(float value) {
  TensorBytes out{DType::f32, {}, std::vector<std::byte>(4)};
  std::memcpy(out.bytes.data(), &value, 4);
  return out;
}

// Quantises every linear of a source: query projections and shared experts as FP8, all others as NVFP4.
struct QuantisedSource : Source {
  std::map<std::string, Numbers> numbers;  // by module

  QuantisedSource() {
    for (auto& [name, stored] : StoredTensors(tensors)) {
      if (!name.ends_with("_proj.weight")) continue;
      const std::string module = name.substr(0, name.rfind('.'));
      is_nvfp4(module) ? to_nvfp4(module, stored.shape) : to_fp8(module, stored.shape);
    }
  }

  void to_nvfp4(const std::string& module, const std::vector<uint64_t>& shape) {
    Numbers& here = numbers[module];
    here.codes = pattern(module, DType::u8, shape);
    for (std::byte& code : here.codes.bytes) code &= std::byte{15};
    here.scales = pattern(module + "s", DType::f8_e4m3, {shape[0], shape[1] / 16});
    tensors[module + ".weight"] = packed(here.codes);
    tensors[module + ".weight_scale"] = here.scales;
    add_scalars(module, ".weight_scale_2");
  }
  void to_fp8(const std::string& module, const std::vector<uint64_t>& shape) {
    tensors[module + ".weight"] = pattern(module, DType::f8_e4m3, shape);
    add_scalars(module, ".weight_scale");
  }
  void add_scalars(const std::string& module, const char* scale) {
    tensors[module + scale] = number(1.0f + float(tensors.size()));
    tensors[module + ".input_scale"] = number(2.0f + float(tensors.size()));
  }
};

std::string module_before(const std::string& name) { return name.substr(0, name.rfind('.')); }

// As expected_slice, for every code, and for every sixteenth column a scale.
StoredTensors expected_quantised(const QuantisedSource& source, const Tiny& cut, const std::vector<int>& layers) {
  StoredTensors out;
  for (const auto& [name, stored] : source.tensors) {
    const std::string new_name = expected_name(name, cut, layers);
    if (new_name.empty()) continue;
    if (stored.shape.empty()) {
      out[new_name] = stored;
      continue;
    }
    const std::string module = module_before(name);
    auto indices = expected_indices(module + ".weight", source.tiny, cut, block_of(name, source.tiny));
    if (!source.numbers.contains(module)) {
      out[new_name] = gather(stored, expected_indices(name, source.tiny, cut, block_of(name, source.tiny)));
    } else if (name.ends_with(".weight")) {
      out[new_name] = packed(gather(source.numbers.at(module).codes, indices));
    } else {
      Indices blocks;
      for (const size_t column : indices[1])
        if (column % 16 == 0) blocks.push_back(column / 16);
      out[new_name] = gather(stored, {indices[0], blocks});
    }
  }
  return out;
}

class SliceQuantised : public testing::TestWithParam<Layout> {};

TEST_P(SliceQuantised, KeepsTheCodesAndScalesOfEveryTensor) {
  const TestFolder temp;
  const QuantisedSource source;
  source.write(temp / "family", kChain, GetParam());
  uint64_t done = 0, total = 0;
  const SliceResult result = slice_folder(temp / "family", "small", temp / "out",
                                          {.progress = [&](uint64_t now, uint64_t all) { done = now, total = all; }});
  const StoredTensors expected = expected_quantised(source, small_widths(), kSmallLayers);
  const StoredTensors sliced = read_tensors(temp / "out");
  ASSERT_EQ(sliced.size(), expected.size());
  uint64_t bytes = 0;
  for (const auto& [name, stored] : expected) {
    EXPECT_EQ(sliced.at(name), stored) << name;
    bytes += stored.bytes.size();
  }
  EXPECT_EQ(result.bytes, bytes);
  EXPECT_EQ(result.tensors, expected.size());
  EXPECT_EQ(done, bytes);
  EXPECT_EQ(total, bytes);
  if (GetParam() == Layout::sharded) {
    EXPECT_CONTAINS(file_text(temp / "out/model.safetensors.index.json"), "\"total_size\": " + std::to_string(bytes));
  }
}

INSTANTIATE_TEST_SUITE_P(All, SliceQuantised, testing::Values(Layout::single, Layout::sharded));

TEST(SliceQuantised, OfTheFullSizeIsTheSource) {
  const TestFolder temp;
  QuantisedSource().write(temp / "family", kChain);
  slice_folder(temp / "family", "full", temp / "out");
  EXPECT_EQ(file_text(temp / "out/model.safetensors"), file_text(temp / "family/model.safetensors"));
}

// Groups of three heads of 8 channels begin at 24 columns, where no block of 16 begins.
TEST(SliceQuantised, RefusesToCutThroughABlock) {
  const TestFolder temp;
  Source source(Tiny{.heads = 6, .head_dim = 8}, nemotron_h::Naming{});
  const std::string module = "backbone.layers.0.mixer.out_proj";
  source.tensors[module + ".weight"] = pattern("x", DType::u8, {48, 24});
  source.tensors[module + ".weight_scale"] = pattern("y", DType::f8_e4m3, {48, 3});
  source.tensors[module + ".weight_scale_2"] = number(1);
  source.write(temp / "family", R"({"name": "full"}, {"name": "small", "mamba_num_heads": 4})");
  const std::string error = error_of([&] { slice_folder(temp / "family", "small", temp / "out"); });
  EXPECT_CONTAINS(error, "layers.0.mixer.out_proj.weight': is NVFP4, and the size cuts through a block of 16 columns");
  EXPECT_CONTAINS(error, "got 16 columns from 24");
  EXPECT_FALSE(fs::exists(temp / "out"));
}

// A folder as ModelOpt exported it, made a family.
fs::path exported(const TestFolder& temp, const std::string& name, const std::string& small) {
  const fs::path folder = temp / name;
  fs::copy(fs::path(STARNEST_SOURCE_DIR) / "tests/data/quant" / ("export_" + name), folder);
  put_file(folder / "elastic.json", R"({"format": "starnest-elastic", "version": 1, "sizes": [{"name": "full"},
      {"name": "small", "hidden_size": 16, "moe_intermediate_size": 16, "n_routed_experts": 2,
       "moe_shared_expert_intermediate_size": 32, "mamba_num_heads": 2)" +
                                        small + "}]}");
  return folder;
}

QuantizationConfig of_file(const fs::path& folder) {
  return parse_quantization(file_text(folder / kHfQuantConfig), folder.string());
}

void expect_json_that_fits(const fs::path& folder) {
  EXPECT_EQ(read_quantization(folder), of_file(folder));
  const FamilySpec family = read_family(folder);
  const PairedCheckpoint paired(family.spec, Checkpoint(folder));
  EXPECT_TRUE(paired.remarks().empty()) << paired.remarks().front();
}

class SliceExport : public testing::TestWithParam<std::string> {};

TEST_P(SliceExport, IsAModelWhoseJsonFitsItsTensors) {
  const TestFolder temp;
  const fs::path family = exported(temp, GetParam(), "");
  std::vector<std::string> notes;
  slice_folder(family, "small", temp / "out", {.note = [&](const std::string& text) { notes.push_back(text); }});
  EXPECT_EQ(notes, std::vector<std::string>{});
  expect_json_that_fits(temp / "out");
  EXPECT_EQ(of_file(temp / "out").excluded.size(), of_file(family).excluded.size());
  EXPECT_EQ(of_file(temp / "out").layers, of_file(family).layers);
  EXPECT_EQ(of_file(temp / "out").kv_cache, "FP8");
}

TEST_P(SliceExport, WithoutABlockHasItsNumbersMoved) {
  const TestFolder temp;
  const fs::path family = exported(temp, GetParam(), R"(, "layers": [0, 3, 4])");
  slice_folder(family, "small", temp / "out");
  expect_json_that_fits(temp / "out");
  const QuantizationConfig config = of_file(temp / "out");
  if (config.mixed()) {
    EXPECT_EQ(config.layers.size(), 8u);
    EXPECT_EQ(config.layers.at("backbone.layers.2.mixer.experts"), "NVFP4");
    EXPECT_EQ(config.layers.at("backbone.layers.1.mixer.in_proj"), "FP8");
    EXPECT_FALSE(config.layers.contains("backbone.layers.4.mixer.experts"));
  } else {
    EXPECT_EQ(config.excluded,
              (std::vector<std::string>{"backbone.embeddings", "backbone.layers.0.mixer.conv1d",
                                        "backbone.layers.1.mixer.conv1d", "backbone.layers.2.mixer.gate", "lm_head"}));
  }
}

INSTANTIATE_TEST_SUITE_P(All, SliceExport, testing::Values("mixed", "nvfp4_kv"),
                         [](const auto& test) { return test.param; });

TEST(SliceExport, OfAnotherProgramIsRefused) {
  const TestFolder temp;
  const fs::path family = exported(temp, "mixed", "");
  HfConfig config = HfConfig::read(family / "config.json");
  config.set_object({kQuantizationKey}, R"({"quant_method": "compressed-tensors"})");
  put_file(family / "config.json", config.text());
  const std::string error = error_of([&] { slice_folder(family, "small", temp / "out"); });
  EXPECT_CONTAINS(error, "'compressed-tensors', which is not sliced");
  EXPECT_FALSE(fs::exists(temp / "out"));
}

}  // namespace
}  // namespace starnest
