#include "arch/paired_checkpoint.h"

#include <bit>
#include <functional>
#include <map>

#include <gtest/gtest.h>

#include "arch/registry.h"
#include "base/test_support.h"
#include "format/weights/safetensors_writer.h"

namespace starnest {
namespace {

constexpr const char* kConfig = R"({
  "model_type": "nemotron_h", "hybrid_override_pattern": "M*E-", "hidden_size": 32, "vocab_size": 6,
  "mamba_num_heads": 2, "mamba_head_dim": 16, "n_groups": 2, "ssm_state_size": 4, "conv_kernel": 4,
  "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16, "intermediate_size": 48, "n_routed_experts": 3,
  "num_experts_per_tok": 2, "moe_intermediate_size": 16, "moe_shared_expert_intermediate_size": 32,
  "norm_topk_prob": true, "routed_scaling_factor": 2.5, "layer_norm_epsilon": 1e-5})";

struct Stored {
  DType dtype = DType::bf16;
  std::vector<uint64_t> shape;
  std::byte fill{0};
};
using Tensors = std::map<std::string, Stored>;

ModelSpec spec_with(std::string_view keys) {
  std::string text = kConfig;
  text.insert(text.rfind('}'), keys);
  const HfConfig config = HfConfig::parse(text, "config.json");
  return architecture_of(config).read(config);
}

Tensors tensors_for(const ModelSpec& spec) {
  Tensors tensors;
  for (const TensorSpec& tensor : tensors_of(spec))
    tensors[tensor.name] = {DType::bf16, tensor.shape(full_widths(spec)), {}};
  return tensors;
}

void write(const TestFolder& folder, std::string_view file, const Tensors& tensors) {
  std::vector<TensorHeader> headers;
  for (const auto& [name, stored] : tensors) headers.push_back({name, stored.dtype, stored.shape});
  SafetensorsWriter writer(folder / file, std::move(headers), {});
  for (const TensorHeader& header : writer.order()) {
    uint64_t bytes = size_of(header.dtype);
    for (const uint64_t extent : header.shape) bytes *= extent;
    writer.append(std::vector<std::byte>(bytes, tensors.at(header.name).fill));
  }
  writer.commit();
}

// The tensors of a model for whose config `keys` are added, changed by `change`, paired with that model.
PairedCheckpoint paired(const std::function<void(Tensors&)>& change = {}, std::string_view keys = "") {
  const TestFolder folder;
  const ModelSpec spec = spec_with(keys);
  Tensors tensors = tensors_for(spec);
  if (change) change(tensors);
  write(folder, "model.safetensors", tensors);
  return {spec, Checkpoint(folder.path())};
}

void expect_error(const std::function<void(Tensors&)>& change, std::initializer_list<const char*> parts,
                  std::string_view keys = "") {
  const std::string message = error_of([&] { paired(change, keys); });
  for (const char* part : parts) EXPECT_NE(message.find(part), std::string::npos) << part << " not in: " << message;
}

const StoredTensor& named(const PairedCheckpoint& checkpoint, std::string_view name) {
  for (const StoredTensor& tensor : checkpoint.tensors())
    if (tensor.spec.name == name) return tensor;
  throw Error(std::string(name), "is not there");
}

TEST(PairedCheckpoint, HasEveryTensorOfTheModelInItsOrderAndEncoding) {
  const PairedCheckpoint checkpoint = paired([](Tensors& t) {
    t["backbone.norm_f.weight"].dtype = DType::f32;
    t["lm_head.weight"].dtype = DType::f16;
  });
  const std::vector<TensorSpec> specs = tensors_of(spec_with(""));
  ASSERT_EQ(checkpoint.tensors().size(), specs.size());
  for (size_t i = 0; i < specs.size(); ++i) {
    EXPECT_EQ(checkpoint.tensors()[i].spec.name, specs[i].name);
    EXPECT_EQ(checkpoint.tensors()[i].codes.info->name, specs[i].name);
  }
  EXPECT_EQ(named(checkpoint, "backbone.norm_f.weight").encoding, Encoding::f32);
  EXPECT_EQ(named(checkpoint, "lm_head.weight").encoding, Encoding::f16);
  EXPECT_EQ(named(checkpoint, "backbone.layers.0.mixer.A_log").encoding, Encoding::bf16);
  EXPECT_TRUE(checkpoint.unused().empty());
}

TEST(PairedCheckpoint, RefusesByNameWhatTheConfigHasNoPlaceFor) {
  const auto extra = [](const std::string& name, const std::vector<uint64_t>& shape) {
    expect_error([&](Tensors& t) { t[name] = {DType::bf16, shape, {}}; },
                 {name.c_str(), "model.safetensors", "has no such tensor"});
  };
  extra("backbone.layers.0.mixer.in_proj.bias", {84});
  extra("backbone.layers.0.mixer.out_proj.bias", {32});
  extra("backbone.layers.1.mixer.q_proj.bias", {32});
  extra("backbone.layers.1.mixer.o_proj.bias", {32});
  extra("backbone.layers.1.mixer.q_norm.weight", {16});
  extra("backbone.layers.2.mixer.experts.3.up_proj.weight", {16, 32});
  extra("backbone.layers.2.mixer.experts.0.up_proj.bias", {16});
  extra("backbone.layers.2.mixer.shared_experts.gate_proj.weight", {32, 32});
  extra("backbone.layers.3.mixer.up_proj.bias", {48});
  extra("backbone.layers.4.norm.weight", {32});
  extra("lm_head.bias", {6});
  extra("model.embeddings.weight2", {6, 32});
  expect_error([](Tensors& t) { t["backbone.layers.0.mixer.conv1d.bias"] = {DType::bf16, {48}, {}}; },
               {"backbone.layers.0.mixer.conv1d.bias"}, R"(, "use_conv_bias": false)");
  expect_error([](Tensors& t) { t["a.one"] = t["a.three"] = t["a.two"] = {DType::i64, {1}, {}}; },
               {"'a.one'", "2 more"});
}

TEST(PairedCheckpoint, UsesWhatTheConfigAllows) {
  const PairedCheckpoint checkpoint = paired({}, R"(, "use_bias": true, "mlp_bias": true)");
  EXPECT_EQ(named(checkpoint, "backbone.layers.0.mixer.in_proj.bias").spec.role, Role::mamba_in_bias);
  EXPECT_EQ(named(checkpoint, "backbone.layers.3.mixer.down_proj.bias").spec.role, Role::down_bias);
}

std::string key_module(const Tensors& tensors) {
  for (const auto& [name, stored] : tensors)
    if (name.ends_with(".k_proj.weight")) return name.substr(0, name.size() - std::string_view(".weight").size());
  return {};
}

TEST(PairedCheckpoint, TheScaleOfAnFp8CacheBelongsToItsProjection) {
  std::string key;
  const PairedCheckpoint checkpoint = paired([&](Tensors& t) {
    key = key_module(t);
    t[key + ".k_scale"] = {DType::f32, {}, std::byte{0x3f}};
  });
  EXPECT_EQ(named(checkpoint, key + ".weight").kv_scale_value, std::bit_cast<float>(0x3f3f3f3fu));
  EXPECT_TRUE(checkpoint.unused().empty());
  expect_error([](Tensors& t) { t[key_module(t) + ".k_scale"] = {DType::f32, {}, std::byte{0}}; },
               {"k_scale", "above 0"});
  expect_error([](Tensors& t) { t[key_module(t) + ".k_scale"] = {DType::bf16, {}, std::byte{0x3f}}; },
               {"k_scale", "F32", "BF16"});
  expect_error([](Tensors& t) { t[key_module(t) + ".k_scale"] = {DType::f32, {2}, std::byte{0x3f}}; },
               {"k_scale", "single number"});
}

TEST(PairedCheckpoint, NamesWhatIsHarmless) {
  const PairedCheckpoint checkpoint = paired(
      [](Tensors& t) {
        t["mtp.layers.0.norm.weight"] = {DType::bf16, {32}, {}};
        t["mtp.layers.0.eh_proj.weight"] = {DType::u8, {4, 4}, {}};
        t["backbone.layers.1.mixer.rotary_emb.inv_freq"] = {DType::f32, {8}, {}};
        t["lm_head.weight"] = {DType::bf16, {6, 32}, {}};
      },
      R"(, "tie_word_embeddings": true)");
  ASSERT_EQ(checkpoint.unused().size(), 3u);
  EXPECT_EQ(checkpoint.unused()[0], "2 tensors of multi-token prediction (mtp.*)");
  EXPECT_EQ(checkpoint.unused()[1].find("1 tensor of rotary positions"), 0u);
  EXPECT_EQ(checkpoint.unused()[2].find("lm_head.weight"), 0u);
  EXPECT_EQ(unused_notices(checkpoint)[0], "not used: " + checkpoint.unused()[0]);
}

TEST(PairedCheckpoint, RefusesAHeadOfItsOwnBesideATiedOne) {
  const char* tied = R"(, "tie_word_embeddings": true)";
  const auto head = [](Stored stored) { return [stored](Tensors& t) { t["lm_head.weight"] = stored; }; };
  expect_error(head({DType::bf16, {6, 32}, std::byte{1}}), {"lm_head.weight", "tie_word_embeddings"}, tied);
  expect_error(head({DType::f32, {6, 32}, {}}), {"lm_head.weight", "tie_word_embeddings"}, tied);
  expect_error(head({DType::bf16, {7, 32}, {}}), {"lm_head.weight", "tie_word_embeddings"}, tied);
}

TEST(PairedCheckpoint, NamesWhatIsMissingAndWhatDoesNotFit) {
  expect_error([](Tensors& t) { t.erase("backbone.layers.1.mixer.k_proj.weight"); },
               {"tensor 'backbone.layers.1.mixer.k_proj.weight' is missing"});
  expect_error(
      [](Tensors& t) { std::erase_if(t, [](const auto& e) { return e.first.find("experts.2") != e.first.npos; }); },
      {"experts.2.up_proj.weight' and 1 more is missing"});
  expect_error([](Tensors& t) { t["backbone.layers.3.mixer.up_proj.weight"].shape = {32, 48}; },
               {"backbone.layers.3.mixer.up_proj.weight': has the wrong shape", "[48, 32]", "[32, 48]"});
  expect_error([](Tensors& t) { t["backbone.layers.0.mixer.D"] = {DType::i64, {2}, {}}; },
               {"backbone.layers.0.mixer.D': is not a weight", "I64"});
}

constexpr std::byte kThreeQuarters{0x3f};  // four times: the F32 number 0.7470588
const float kScale = 0x1.7e7e7ep-1f;

// The matrix of one expert as NVFP4, and the head as FP8.
void quantise(Tensors& t) {
  const std::string expert = "backbone.layers.2.mixer.experts.1.up_proj";
  t[expert + ".weight"] = {DType::u8, {16, 16}, {}};
  t[expert + ".weight_scale"] = {DType::f8_e4m3, {16, 2}, {}};
  t[expert + ".weight_scale_2"] = {DType::f32, {}, kThreeQuarters};
  t[expert + ".input_scale"] = {DType::f32, {}, {}};
  t["lm_head.weight"].dtype = DType::f8_e4m3;
  t["lm_head.weight_scale"] = {DType::f32, {1}, kThreeQuarters};
}

TEST(PairedCheckpoint, FindsTheScalesOfQuantisedMatrices) {
  const PairedCheckpoint checkpoint = paired(quantise);
  const StoredTensor& expert = named(checkpoint, "backbone.layers.2.mixer.experts.1.up_proj.weight");
  EXPECT_EQ(expert.encoding, Encoding::nvfp4);
  EXPECT_EQ(expert.scales->info->name, "backbone.layers.2.mixer.experts.1.up_proj.weight_scale");
  EXPECT_EQ(expert.tensor_scale->info->name, "backbone.layers.2.mixer.experts.1.up_proj.weight_scale_2");
  EXPECT_EQ(expert.tensor_scale_value, kScale);
  EXPECT_EQ(expert.input_scale->info->name, "backbone.layers.2.mixer.experts.1.up_proj.input_scale");
  const StoredTensor& head = named(checkpoint, "lm_head.weight");
  EXPECT_EQ(head.encoding, Encoding::fp8);
  EXPECT_FALSE(head.scales);
  EXPECT_FALSE(head.input_scale);
  EXPECT_EQ(head.tensor_scale_value, kScale);
  EXPECT_EQ(head.tensor_scale->info->name, "lm_head.weight_scale");
  EXPECT_TRUE(checkpoint.unused().empty());
  const std::string message = error_of([&] { require_plain(expert, "run"); });
  EXPECT_NE(message.find("experts.1.up_proj.weight': NVFP4 weights are not run yet"), std::string::npos) << message;
}

TEST(PairedCheckpoint, NamesTheTensorOfABrokenQuantisation) {
  const std::string expert = "backbone.layers.2.mixer.experts.1.up_proj";
  const auto broken = [&](const std::function<void(Tensors&)>& change, std::initializer_list<const char*> parts) {
    expect_error(
        [&](Tensors& t) {
          quantise(t);
          change(t);
        },
        parts);
  };
  broken([&](Tensors& t) { t.erase(expert + ".weight_scale"); },
         {"experts.1.up_proj.weight'", "weight_scale' is missing"});
  broken([&](Tensors& t) { t.erase(expert + ".weight_scale_2"); }, {"weight_scale_2' is missing"});
  broken([&](Tensors& t) { t.erase("lm_head.weight_scale"); }, {"lm_head.weight'", "is missing"});
  broken([&](Tensors& t) { t[expert + ".weight_scale"].shape = {2, 16}; }, {"weight_scale'", "[16, 2]", "[2, 16]"});
  broken([&](Tensors& t) { t[expert + ".weight_scale"].dtype = DType::bf16; }, {"weight_scale'", "F8_E4M3", "BF16"});
  broken([&](Tensors& t) { t[expert + ".weight_scale_2"].shape = {3}; }, {"weight_scale_2'", "single number"});
  broken([&](Tensors& t) { t[expert + ".weight_scale_2"].fill = std::byte{0}; }, {"weight_scale_2'", "above 0"});
  broken([&](Tensors& t) { t[expert + ".weight_scale_2"].fill = std::byte{0xff}; }, {"weight_scale_2'", "nan"});
  broken([&](Tensors& t) { t[expert + ".weight_scale_2"].fill = std::byte{0xbf}; }, {"weight_scale_2'", "-1.49"});
  broken([&](Tensors& t) { t[expert + ".weight_scale_2"].dtype = DType::bf16; }, {"weight_scale_2'", "F32", "BF16"});
  broken([&](Tensors& t) { t[expert + ".input_scale"].dtype = DType::bf16; }, {"input_scale'", "F32", "BF16"});
  broken([&](Tensors& t) { t[expert + ".input_scale"].shape = {2}; }, {"input_scale'", "single number"});
  broken([&](Tensors& t) { t["lm_head.weight_scale"].shape = {6, 1}; }, {"lm_head.weight_scale'", "per channel"});
  broken([&](Tensors& t) { t["lm_head.weight_scale"].shape = {6}; }, {"lm_head.weight_scale'", "per channel"});
  broken([&](Tensors& t) { t[expert + ".pre_quant_scale"] = {DType::bf16, {32}, {}}; },
         {"pre_quant_scale'", "NVFP4_AWQ"});
  broken([&](Tensors& t) { t[expert + ".weight_quantizer.svdquant_lora_a"] = {DType::bf16, {32}, {}}; },
         {"svdquant_lora_a'", "NVFP4_SVD"});
  broken(
      [&](Tensors& t) {
        t["lm_head.weight_packed"] = t["lm_head.weight"];
        t.erase("lm_head.weight");
      },
      {"lm_head.weight_packed'", "not packed NVFP4", "U8", "F8_E4M3"});
  broken([&](Tensors& t) { t["backbone.embeddings.weight"].dtype = DType::u8; },
         {"backbone.embeddings.weight': is quantised"});
  broken([&](Tensors& t) { t[expert + ".weight"].shape = {16, 32}; }, {"up_proj.weight'", "[16, 16]", "[16, 32]"});
  expect_error([](Tensors& t) { t["backbone.layers.3.norm.weight"].dtype = DType::u8; },
               {"backbone.layers.3.norm.weight': is quantised"});
  expect_error([](Tensors& t) { t["backbone.layers.3.mixer.up_proj.weight_scale"] = {DType::f32, {}, {}}; },
               {"up_proj.weight_scale'", "has no such tensor"});
}

TEST(PairedCheckpoint, RefusesNvfp4OfAWidthThatIsNotWholeBlocks) {
  const TestFolder folder;
  ModelSpec spec = spec_with("");
  std::get<MlpSpec>(spec.blocks[3]).ffn = 40;
  Tensors tensors = tensors_for(spec);
  tensors["backbone.layers.3.mixer.down_proj.weight"] = {DType::u8, {32, 20}, {}};
  write(folder, "model.safetensors", tensors);
  const std::string message = error_of([&] { PairedCheckpoint(spec, Checkpoint(folder.path())); });
  EXPECT_CONTAINS(message, "down_proj.weight': is NVFP4 with a width that is no multiple of 16");
  EXPECT_CONTAINS(message, "got 40");
}

TEST(PairedCheckpoint, TakesNothingTimesNanForZeros) {
  const std::string expert = "backbone.layers.2.mixer.experts.1.up_proj";
  const auto nothing = [&](std::byte scales) {
    return [&expert, scales](Tensors& t) {
      quantise(t);
      t[expert + ".weight_scale"].fill = scales;
      t[expert + ".weight_scale_2"].fill = std::byte{0};
    };
  };
  const PairedCheckpoint checkpoint = paired(nothing(std::byte{0x7f}));
  EXPECT_EQ(named(checkpoint, expert + ".weight").tensor_scale_value, 0);
  ASSERT_EQ(checkpoint.remarks().size(), 1u);
  EXPECT_NE(checkpoint.remarks()[0].find(expert + ".weight' count as 0"), std::string::npos) << checkpoint.remarks()[0];
  EXPECT_EQ(unused_notices(checkpoint), checkpoint.remarks());
  expect_error(nothing(std::byte{0x38}), {"weight_scale_2'", "above 0"});
}

TEST(PairedCheckpoint, ReadsTheSpellingOfCompressedTensors) {
  const std::string expert = "backbone.layers.2.mixer.experts.1.up_proj";
  const auto compressed = [&](Tensors& t) {
    t.erase(expert + ".weight");
    t[expert + ".weight_packed"] = {DType::u8, {16, 16}, std::byte{5}};
    t[expert + ".weight_scale"] = {DType::f8_e4m3, {16, 2}, {}};
    t[expert + ".weight_global_scale"] = {DType::f32, {1}, kThreeQuarters};
    t[expert + ".input_global_scale"] = {DType::f32, {1}, {}};
    t["lm_head.weight"].dtype = DType::f8_e4m3;
    t["lm_head.weight_scale"] = {DType::bf16, {1}, kThreeQuarters};
  };
  const PairedCheckpoint checkpoint = paired(compressed);
  const StoredTensor& tensor = named(checkpoint, expert + ".weight");
  EXPECT_EQ(tensor.encoding, Encoding::nvfp4);
  EXPECT_EQ(tensor.codes.bytes()[0], std::byte{5});
  EXPECT_EQ(tensor.tensor_scale_value, 1 / kScale);
  EXPECT_EQ(tensor.input_scale->info->name, expert + ".input_global_scale");
  EXPECT_EQ(named(checkpoint, "lm_head.weight").tensor_scale_value, 0x1.7ep-1f);
  EXPECT_TRUE(checkpoint.unused().empty());
  expect_error(
      [&](Tensors& t) {
        compressed(t);
        t.erase(expert + ".weight_global_scale");
      },
      {"weight_packed'", "weight_global_scale' is missing"});
  expect_error(
      [&](Tensors& t) {
        compressed(t);
        t[expert + ".weight_global_scale"].fill = std::byte{0};
      },
      {"weight_global_scale'", "above 0"});
}

TEST(PairedCheckpoint, BelievesTheTensorsAndSaysWhereTheJsonDiffers) {
  const auto remarks = [](std::string_view json) {
    const TestFolder folder;
    const ModelSpec spec = spec_with("");
    Tensors tensors = tensors_for(spec);
    quantise(tensors);
    write(folder, "model.safetensors", tensors);
    folder.write("hf_quant_config.json", json);
    return PairedCheckpoint(spec, Checkpoint(folder.path())).remarks();
  };
  constexpr const char* kRight = R"({"quantization": {"quant_algo": "MIXED_PRECISION", "quantized_layers": {
      "backbone.layers.2.mixer.experts.1.up_proj": {"quant_algo": "W4A16_NVFP4"}, "lm_head": {"quant_algo": "FP8"}}}})";
  EXPECT_TRUE(remarks(kRight).empty());
  const auto wrong = remarks(R"({"quantization": {"quant_algo": "NVFP4", "exclude_modules": ["backbone.layers.0*",
      "backbone.layers.1*", "backbone.layers.3*", "*shared_experts*", "*.down_proj", "*.2.up_proj"]}})");
  ASSERT_EQ(wrong.size(), 1u);
  EXPECT_CONTAINS(wrong[0], "experts.0.up_proj' NVFP4, but its tensor is BF16 (1 more is like that)");
}

TEST(PairedCheckpoint, RefusesAQuantisedHeadThatIsTied) {
  expect_error(quantise, {"lm_head.weight': is quantised", "ties"}, R"(, "tie_word_embeddings": true)");
}

TEST(PairedCheckpoint, TakesTheCopyThatTheIndexNames) {
  const TestFolder folder;
  const ModelSpec spec = spec_with("");
  const Tensors all = tensors_for(spec);
  write(folder, "base.safetensors", all);
  write(folder, "patch.safetensors", {{"lm_head.weight", {DType::bf16, {6, 32}, std::byte{7}}}});
  std::string index;
  for (const auto& [name, stored] : all)
    index += (index.empty() ? "\"" : ", \"") + name + "\": \"" + (name == "lm_head.weight" ? "patch" : "base") +
             ".safetensors\"";
  folder.write("model.safetensors.index.json", R"({"weight_map": {)" + index + "}}");
  const PairedCheckpoint checkpoint(spec, Checkpoint(folder.path()));
  EXPECT_EQ(named(checkpoint, "lm_head.weight").codes.bytes()[0], std::byte{7});
  ASSERT_EQ(checkpoint.unused().size(), 1u);
  EXPECT_EQ(checkpoint.unused()[0], "1 tensor of shards for which the index names another shard");
}

}  // namespace
}  // namespace starnest
