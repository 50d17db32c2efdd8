#include "format/json/quantization_config.h"

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "format/json/hf_config.h"
#include "format/json/json.h"

namespace starnest {
namespace {

using Names = std::vector<std::string>;

std::filesystem::path exported(const std::string& name) {
  return STARNEST_SOURCE_DIR "/tests/data/quant/export_" + name;
}

QuantizationConfig parsed(std::string_view json) { return parse_quantization(json, "test"); }

QuantizationConfig of_file(const std::string& name) {
  return parse_quantization(file_text(exported(name) / kHfQuantConfig), name);
}

TEST(QuantizationConfig, ReadsTheSameFromBothFilesOfAnExport) {
  for (const char* name : {"mixed", "nvfp4_kv"}) {
    const auto from_config = read_quantization(exported(name));
    ASSERT_TRUE(from_config);
    EXPECT_EQ(*from_config, of_file(name)) << name;
    EXPECT_EQ(from_config->producer, "modelopt");
    EXPECT_EQ(from_config->producer_version, "0.47.0");
    EXPECT_EQ(from_config->kv_cache, "FP8");
  }
}

TEST(QuantizationConfig, CutsNamesAtTheSentinel) {
  const QuantizationConfig config = of_file("nvfp4_kv");
  EXPECT_EQ(config.algorithm, "NVFP4");
  EXPECT_EQ(config.excluded,
            (Names{"lm_head", "backbone.embeddings", "backbone.layers.0.mixer.conv1d", "backbone.layers.2.mixer.gate",
                   "backbone.layers.3.mixer.conv1d", "backbone.layers.4.mixer.gate"}));
  const QuantizationConfig star =
      parsed(R"({"quant_algo": "FP8", "ignore": ["a.b.\u0000s*", "c*", "d.\u0000s", "e\u0000", "\u0000"]})");
  EXPECT_EQ(star.excluded, (Names{"a.b*", "c*", "d", "e", ""}));
}

TEST(QuantizationConfig, KnowsTheAlgorithmOfAModule) {
  const QuantizationConfig mixed = of_file("mixed");
  EXPECT_TRUE(mixed.mixed());
  EXPECT_EQ(mixed.algorithm_of("lm_head"), "W4A16_NVFP4");
  EXPECT_EQ(mixed.algorithm_of("backbone.layers.0.mixer.in_proj"), "FP8");
  EXPECT_EQ(mixed.algorithm_of("backbone.layers.2.mixer.experts.3.up_proj"), "NVFP4");
  EXPECT_EQ(mixed.algorithm_of("backbone.layers.2.mixer.experts"), "NVFP4");
  EXPECT_EQ(mixed.algorithm_of("backbone.layers.2.mixer.expert"), "");
  EXPECT_EQ(mixed.algorithm_of("backbone.layers.2.mixer.experts2"), "");
  EXPECT_EQ(mixed.algorithm_of("backbone.layers.1.mixer.q_proj"), "");
  const QuantizationConfig one =
      parsed(R"({"quantization": {"quant_algo": "NVFP4", "exclude_modules": ["a.1*", "b", "*.gate", "c*d*e"]}})");
  for (const char* plain : {"a.1", "a.1.x", "a.12.x", "b", "b.c", "x.y.gate", "cde", "cxdxdye"})
    EXPECT_EQ(one.algorithm_of(plain), "") << plain;
  for (const char* quantised : {"a.2", "b2", "a.b", "x.gates", "cd", "cxex"})
    EXPECT_EQ(one.algorithm_of(quantised), "NVFP4") << quantised;
}

// The names of an export as they should have been.
Json without_sentinels(const std::string& text) {
  std::string clean = text;
  const std::string sentinel = ".\\u0000backbone.pt_name_sentinel";
  for (size_t at; (at = clean.find(sentinel)) != clean.npos;) clean.erase(at, sentinel.size());
  return Json::parse(clean);
}

// Equal but for the order of keys.
bool same(const Json& a, const Json& b) { return nlohmann::json(a) == nlohmann::json(b); }

TEST(QuantizationConfig, WritesWhatTheExporterWrote) {
  for (const char* name : {"mixed", "nvfp4_kv"}) {
    const QuantizationConfig config = of_file(name);
    const std::string file = write_hf_quant_config(config), object = write_quantization_config(config);
    EXPECT_TRUE(same(Json::parse(file), without_sentinels(file_text(exported(name) / kHfQuantConfig)))) << file;
    const HfConfig whole = HfConfig::read(exported(name) / "config.json");
    EXPECT_TRUE(same(Json::parse(object), without_sentinels(*whole.find_object({kQuantizationKey})))) << object;
    EXPECT_EQ(parsed(file), config);
    EXPECT_EQ(parsed(object), config);
  }
}

TEST(QuantizationConfig, SaysWhenFp8HasNoScalesOfInputs) {
  QuantizationConfig config{.producer = "p", .algorithm = "FP8", .excluded = {"lm_head"}};
  EXPECT_TRUE(parsed(write_quantization_config(config)).fp8_inputs);
  config.fp8_inputs = false;
  EXPECT_EQ(parsed(write_quantization_config(config)), config);
  EXPECT_EQ(Json::parse(write_hf_quant_config(config))["quantization"].count("group_size"), 0u);
}

TEST(QuantizationConfig, RenamesForAModelThatKeepsSomeModules) {
  QuantizationConfig config{.algorithm = "NVFP4",
                            .excluded = {"lm_head", "m.4*", "m.2.conv", "m.3.gate", "mtp*", "m.2"}};
  const std::map<std::string, std::string> same_names{
      {"lm_head", "lm_head"}, {"m.2.conv", "m.2.conv"}, {"m.4.q", "m.4.q"}};
  EXPECT_EQ(config.renamed(same_names).excluded, (Names{"lm_head", "m.2", "m.2.conv", "m.4*"}));
  // Block 3 goes. Block 5 is quantised, and must not fall to what was written for block 4.
  const std::map<std::string, std::string> moved{
      {"lm_head", "lm_head"}, {"m.2.conv", "m.2.conv"}, {"m.4.k", "m.3.k"}, {"m.4.q", "m.3.q"}, {"m.5.in", "m.4.in"}};
  const QuantizationConfig renamed = config.renamed(moved);
  EXPECT_EQ(renamed.excluded, (Names{"lm_head", "m.2", "m.2.conv", "m.3.k", "m.3.q"}));
  for (const auto& [old_name, new_name] : moved)
    EXPECT_EQ(renamed.algorithm_of(new_name), config.algorithm_of(old_name)) << new_name;
}

TEST(QuantizationConfig, RenamesTheEntryOfStackedExperts) {
  const QuantizationConfig config{
      .layers = {{"m.1.experts", "NVFP4"}, {"m.4.experts", "NVFP4"}, {"m.4.experts2", "FP8"}, {"m.5.in", "FP8"}}};
  const QuantizationConfig renamed = config.renamed(
      {{"m.4.experts.0.up", "m.3.experts.0.up"}, {"m.4.experts.0.down", "m.3.experts.0.down"}, {"m.5.in", "m.4.in"}});
  EXPECT_EQ(renamed.layers, (std::map<std::string, std::string>{{"m.3.experts", "NVFP4"}, {"m.4.in", "FP8"}}));
}

TEST(QuantizationConfig, NamesTheKeyOfAWrongType) {
  const auto expect = [](const char* json, const char* key) {
    EXPECT_CONTAINS(error_of([&] { parsed(json); }), std::string("test: key '") + key + "' has the wrong type");
  };
  expect(R"({"quant_algo": 4})", "quant_algo");
  expect(R"({"quant_algo": "FP8", "ignore": "lm_head"})", "ignore");
  expect(R"({"quant_algo": "FP8", "exclude_modules": [1]})", "exclude_modules");
  expect(R"({"quantization": []})", "quantization");
  expect(R"({"quantization": {"quant_algo": "MIXED_PRECISION", "quantized_layers": []}})", "quantized_layers");
  expect(R"({"quant_algo": "MIXED_PRECISION", "quantized_layers": {"a": 1}})", "quantized_layers");
  expect(R"({"config_groups": {"group_0": []}})", "config_groups");
  expect(R"({"kv_cache_scheme": "FP8"})", "kv_cache_scheme");
  EXPECT_CONTAINS(error_of([] { parsed("[]"); }), "is not a JSON object");
}

TEST(QuantizationConfig, IsSilentOrOfAnotherMethod) {
  const TestFolder folder;
  EXPECT_FALSE(read_quantization(folder.path()));
  folder.write("config.json", "{}");
  EXPECT_FALSE(read_quantization(folder.path()));
  folder.write("hf_quant_config.json", R"({"quantization": {"quant_algo": "FP8", "exclude_modules": ["a"]}})");
  EXPECT_EQ(read_quantization(folder.path())->algorithm, "FP8");
  folder.write("config.json",
               R"({"quantization_config": {"quant_method": "compressed-tensors", "ignore": ["re:.*"]}})");
  EXPECT_EQ(read_quantization(folder.path())->method, "compressed-tensors");
}

}  // namespace
}  // namespace starnest
