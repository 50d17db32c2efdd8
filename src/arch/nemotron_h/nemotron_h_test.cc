#include "arch/nemotron_h/nemotron_h.h"

#include <gtest/gtest.h>

#include "arch/cost.h"
#include "arch/family_spec.h"
#include "base/test_support.h"
#include "starnest/error.h"

namespace starnest {
namespace {

// The dimensions of NVIDIA-Nemotron-3-Nano-30B-A3B.
constexpr const char* kNano = R"({
  "model_type": "nemotron_h", "hidden_size": 2688, "vocab_size": 131072, "num_hidden_layers": 52,
  "hybrid_override_pattern": "MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME",
  "mamba_num_heads": 64, "mamba_head_dim": 64, "n_groups": 8, "ssm_state_size": 128, "conv_kernel": 4, "expand": 2,
  "use_conv_bias": true, "mamba_proj_bias": false, "num_attention_heads": 32, "num_key_value_heads": 2, "head_dim": 128,
  "attention_bias": false, "sliding_window": null, "intermediate_size": 1856, "mlp_hidden_act": "relu2",
  "n_routed_experts": 128, "num_experts_per_tok": 6, "moe_intermediate_size": 1856, "n_shared_experts": 1,
  "moe_shared_expert_intermediate_size": 3712, "norm_topk_prob": true, "routed_scaling_factor": 2.5, "n_group": 1,
  "topk_group": 1, "layer_norm_epsilon": 1e-5, "eos_token_id": 2, "time_step_limit": [0.0, Infinity]})";
constexpr const char* kNanoSizes = R"({"format": "starnest-elastic", "version": 1, "sizes": [
  {"name": "30b"}, {"name": "23b", "hidden_size": 2304, "moe_intermediate_size": 1600},
  {"name": "12b", "hidden_size": 1920, "moe_intermediate_size": 960}]})";

HfConfig nano() { return HfConfig::parse(kNano, "config.json"); }
ModelSpec nano_spec() { return nemotron_h::read(nano()); }
Sizes nano_sizes() { return sizes_of(nano_spec(), parse_elastic(kNanoSizes, "elastic.json")); }

std::string size_error(const std::string& entries) {
  return error_of([&] {
    sizes_of(nano_spec(),
             parse_elastic(R"({"format":"starnest-elastic","version":1,"sizes":[)" + entries + "]}", "elastic.json"));
  });
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), by);
}

TEST(NemotronH, PublishedModelHasItsPublishedParametersAndBytes) {
  const ModelSpec spec = nano_spec();
  const Cost bf16 = cost_of(spec, full_widths(spec), Encoding::bf16);
  EXPECT_EQ(bf16.parameters, 31'577'940'288u);
  EXPECT_EQ(bf16.active_parameters, 3'580'076'352u);
  EXPECT_EQ(cost_of(spec, full_widths(spec), Encoding::nvfp4).bytes, 19'339'781'632u);
  EXPECT_EQ(tensors_of(spec).size(), 6243u);
}

TEST(NemotronH, SlicesHaveTheParametersOfTheFormula) {
  const auto sizes = nano_sizes();
  ASSERT_EQ(sizes.largest(), 3u);
  EXPECT_NEAR(double(cost_of(nano_spec(), sizes.at(2).widths, Encoding::bf16).parameters), 23.594e9, 5e5);
  EXPECT_NEAR(double(cost_of(nano_spec(), sizes.at(1).widths, Encoding::bf16).parameters), 12.427e9, 5e5);
  EXPECT_NEAR(double(cost_of(nano_spec(), sizes.at(1).widths, Encoding::bf16).active_parameters), 2.083e9, 5e5);
  EXPECT_NEAR(double(cost_of(nano_spec(), sizes.at(1).widths, Encoding::nvfp4).bytes), 8.12e9, 5e6);
}

TEST(NemotronH, StateOfASequenceIsThePublishedOne) {
  const StateCost state = state_cost_of(nano_spec(), full_widths(nano_spec()));
  EXPECT_EQ(state.kv_per_token, 3072u);
  EXPECT_EQ(state.ssm, 12'058'624u);
  EXPECT_EQ(state.conv, 423'936u);
}

TEST(NemotronH, DecodeReadsTheWeightsOfOneToken) {
  const ModelSpec spec = nano_spec();
  EXPECT_NEAR(double(cost_of(spec, full_widths(spec), Encoding::bf16).decode_bytes_per_token), 6.47e9, 1e7);
  EXPECT_NEAR(double(cost_of(spec, full_widths(spec), Encoding::fp8).decode_bytes_per_token), 3.98e9, 1e7);
  EXPECT_NEAR(double(cost_of(spec, full_widths(spec), Encoding::nvfp4).decode_bytes_per_token), 2.89e9, 1e7);
}

TEST(NemotronH, EveryGenerationOfNamesGivesTheSameModel) {
  std::string newer =
      replaced(kNano, R"("hybrid_override_pattern": "MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME")",
               R"("layers_block_type": ["linear_attention", "moe", "full_attention", "mlp"])");
  newer = replaced(newer, R"("num_hidden_layers": 52)", R"("num_hidden_layers": 4)");
  EXPECT_EQ(pattern_of(nemotron_h::read(HfConfig::parse(newer, "c")).blocks), "ME*-");
  const std::string legacy =
      replaced(newer, R"("linear_attention", "moe", "full_attention", "mlp")", R"("mamba", "moe", "attention", "mlp")");
  EXPECT_EQ(pattern_of(nemotron_h::read(HfConfig::parse(legacy, "c")).blocks), "ME*-");
  std::string aliases = replaced(kNano, "\"n_groups\"", "\"mamba_n_groups\"");
  aliases = replaced(aliases, "\"conv_kernel\"", "\"mamba_d_conv\"");
  aliases = replaced(aliases, "\"head_dim\"", "\"attention_head_dim\"");
  aliases = replaced(aliases, "\"layer_norm_epsilon\"", "\"rms_norm_eps\"");
  aliases = replaced(aliases, "[0.0, Infinity]", R"([0.0, {"__float__": "Infinity"}])");
  const ModelSpec spec = nemotron_h::read(HfConfig::parse(aliases, "c"));
  EXPECT_EQ(cost_of(spec, full_widths(spec), Encoding::bf16).parameters, 31'577'940'288u);
}

TEST(NemotronH, AMissingKeyIsNamed) {
  for (const std::string key : {"hidden_size", "vocab_size", "mamba_num_heads", "ssm_state_size", "head_dim",
                                "moe_intermediate_size", "routed_scaling_factor", "layer_norm_epsilon"}) {
    const std::string text = replaced(kNano, "\"" + key + "\"", "\"_\"");
    const std::string error = error_of([&] { nemotron_h::read(HfConfig::parse(text, "config.json")); });
    EXPECT_NE(error.find("config.json: key '" + key + "' is missing"), std::string::npos) << error;
  }
}

TEST(NemotronH, AValueWithoutAnImplementationIsRefusedByName) {
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{{R"("sliding_window": null)", R"("sliding_window": 128)"},
                                                        {R"("mlp_hidden_act": "relu2")", R"("mlp_hidden_act": "gelu")"},
                                                        {R"("attention_bias": false)", R"("attention_bias": true)"},
                                                        {R"([0.0, Infinity])", R"([0.0, 0.5])"}}) {
    const std::string text = replaced(kNano, from, to);
    const std::string error = error_of([&] { nemotron_h::read(HfConfig::parse(text, "c")); });
    EXPECT_NE(error.find("without an implementation"), std::string::npos) << error;
  }
}

TEST(NemotronH, DimensionsWhoseProductsWouldOverflowAreRefused) {
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {R"("mamba_head_dim": 64)", R"("mamba_head_dim": 1073741856)"},
           {R"("head_dim": 128)", R"("head_dim": 536870928)"},
           {R"("ssm_state_size": 128)", R"("ssm_state_size": 536870912)"},
           {R"("num_attention_heads": 32)", R"("num_attention_heads": 268435464)"},
           {R"("n_routed_experts": 128)", R"("n_routed_experts": 100000000)"},
           {R"("moe_intermediate_size": 1856)", R"("moe_intermediate_size": 2000000000)"},
           {R"("hidden_size": 2688)", R"("hidden_size": 2000000000)"}}) {
    const std::string text = replaced(kNano, from, to);
    const std::string error = error_of([&] { nemotron_h::read(HfConfig::parse(text, "c")); });
    EXPECT_NE(error.find("too "), std::string::npos) << to << ": " << error;
  }
}

TEST(Sizes, AreSortedLargestFirstAndFoundByName) {
  FamilySpec family{"folder", nano(), nano_spec(), nano_sizes(), std::nullopt};
  EXPECT_EQ(family.size("12b").widths.hidden, 1920);
  EXPECT_EQ(family.size("full").name, "30b");
  EXPECT_NE(error_of([&] { family.size("21b"); }).find("Did you mean '2"), std::string::npos);
}

TEST(Sizes, BreakingARuleNamesTheSizeAndTheKey) {
  const auto expect = [](const std::string& entries, const std::string& part) {
    const std::string error = size_error(entries);
    EXPECT_NE(error.find(part), std::string::npos) << error;
  };
  expect(R"({"name":"a","hidden_size":1000})", "size 'a': key 'hidden_size': cuts the residual");
  expect(R"({"name":"a","hidden_size":4096})", "key 'hidden_size': is not within the full model");
  expect(R"({"name":"a","moe_intermediate_size":1000})", "cuts a contraction");
  expect(R"({"name":"a","mamba_num_heads":20})", "does not keep an equal number in every group");
  expect(R"({"name":"a","num_attention_heads":3})", "does not keep an equal number in every group");
  expect(R"({"name":"a","n_routed_experts":4})", "is smaller than num_experts_per_tok");
  expect(R"({"name":"a","hidden_sise":4})", "unknown key 'hidden_sise'");
  expect(R"({"name":"a","layers":3})", "key 'layers': is not a list");
  expect(R"({"name":"a","layers":[3,2]})", "key 'layers': is not a list of blocks");
  expect(R"({"name":"a","layers":[3,52]})", "key 'layers': is not a list of blocks");
  expect(R"({"name":"a"},{"name":"a","hidden_size":1024})", "size 'a' stands twice");
  expect(R"({"name":"a","hidden_size":2304},{"name":"b","moe_intermediate_size":960})", "is larger than in size");
  expect(R"({"name":"a"},{"name":"b"})", "are the same");
  expect(R"({"name":"a","moe_intermediate_size":[960]})", "has the wrong number of entries");
  expect(R"({"name":"a","intermediate_size":960})", "names an axis that the model does not have");
}

TEST(Sizes, DescribeWritesWhatWasRead) {
  const Sizes sizes = nano_sizes();
  for (const Size& size : sizes.ascending()) {
    ElasticFile file{"f", {describe(nano_spec(), size)}, std::nullopt, {}};
    EXPECT_EQ(sizes_of(nano_spec(), parse_elastic(write_elastic(file), "g")).at(1).widths, size.widths);
  }
}

TEST(NemotronH, TheConfigOfASliceDescribesTheSlice) {
  const ModelSpec spec = nano_spec();
  Widths widths = nano_sizes().at(1).widths;
  widths.blocks[1].kept = widths.blocks[2].kept = false;
  HfConfig config = nano();
  nemotron_h::write_widths(config, spec, widths, PerBlockWidths::refuse);
  const ModelSpec sliced = nemotron_h::read(HfConfig::parse(config.text(), "c"));
  EXPECT_EQ(sliced.hidden, 1920);
  EXPECT_EQ(pattern_of(sliced.blocks), pattern_of(spec.blocks).erase(1, 2));
  EXPECT_EQ(std::get<MoeSpec>(sliced.blocks[1]).ffn, 960);
  EXPECT_EQ(config.require_int({"intermediate_size"}), 960);
  EXPECT_EQ(cost_of(sliced, full_widths(sliced), Encoding::bf16).parameters,
            cost_of(spec, widths, Encoding::bf16).parameters);
}

}  // namespace
}  // namespace starnest
