#include "train/run/model_files.h"

#include <vector>

#include "base/file.h"
#include "base/output.h"
#include "format/json/jsonl.h"
#include "format/text/effort_template.h"
#include "tasks/vocabulary.h"

namespace starnest::train {
namespace {

// The thinking ids: what opens and closes it, what is forced when a budget ends, where it may be cut short.
constexpr const char* kGenerationConfig = R"({
  "bos_token_id": 1,
  "eos_token_id": [2],
  "pad_token_id": 0,
  "do_sample": false,
  "think_start_ids": [3],
  "think_end_ids": [[4]],
  "think_close_ids": [4],
  "think_boundary_token_ids": [49]
}
)";
static_assert(tasks::kThink == 3 && tasks::kEndThink == 4 && tasks::kStepEnd == 49 && tasks::kEos == 2);
static_assert(tasks::kVocabulary == Vocabulary{}.size && tasks::kBos == Vocabulary{}.bos);

constexpr const char* kTokenizerConfig = R"({
  "tokenizer_class": "PreTrainedTokenizerFast",
  "bos_token": "<bos>",
  "eos_token": "<eos>",
  "pad_token": "<pad>",
  "add_bos_token": false,
  "clean_up_tokenization_spaces": false,
  "model_max_length": 4096
}
)";

}  // namespace

HfConfig make_config(const ModelSettings& s, const Vocabulary& vocabulary) {
  JsonLine json;
  const std::vector<std::string> architectures{"NemotronHForCausalLM"};
  json.set("architectures", std::span<const std::string>(architectures)).set("model_type", "nemotron_h");
  json.set("vocab_size", vocabulary.size).set("hidden_size", s.hidden).set("num_hidden_layers", s.pattern.size());
  json.set("hybrid_override_pattern", s.pattern).set("tie_word_embeddings", false).set("max_position_embeddings", 4096);
  json.set("layer_norm_epsilon", 1e-5).set("norm_eps", 1e-5).set("residual_in_fp32", false);
  json.set("mamba_num_heads", s.mamba_heads).set("mamba_head_dim", s.mamba_head_dim).set("n_groups", s.ssm_groups);
  json.set("ssm_state_size", s.ssm_state).set("conv_kernel", s.conv_width).set("use_conv_bias", true);
  json.set("use_bias", false).set("mamba_proj_bias", false).set("mamba_hidden_act", "silu").set("chunk_size", 64);
  json.set("expand", 2).set("mamba_ssm_cache_dtype", "float32").set("use_mamba_kernels", false);
  json.set("time_step_min", 1e-30).set("time_step_max", 0.1).set("time_step_floor", 1e-4);
  json.set("num_attention_heads", s.query_heads).set("num_key_value_heads", s.kv_heads).set("head_dim", s.head_dim);
  json.set("attention_bias", false).set("attention_dropout", 0.0).set("hidden_dropout", 0.0);
  json.set("intermediate_size", s.ffn).set("mlp_hidden_act", "relu2").set("mlp_bias", false);
  json.set("n_routed_experts", s.experts).set("num_experts_per_tok", s.experts_per_token);
  json.set("moe_intermediate_size", s.expert_ffn).set("moe_shared_expert_intermediate_size", s.shared_ffn);
  json.set("n_shared_experts", 1).set("n_group", 1).set("topk_group", 1).set("norm_topk_prob", true);
  json.set("routed_scaling_factor", s.expert_scale)
      .set("initializer_range", 0.02)
      .set("rescale_prenorm_residual", true);
  json.set("use_cache", true).set("num_logits_to_keep", 1).set("torch_dtype", "float32");
  json.set("bos_token_id", vocabulary.bos).set("eos_token_id", vocabulary.eos).set("pad_token_id", vocabulary.pad);
  return HfConfig::parse(indented_json(json.text()), "the new config.json");
}

void write_model_files(const std::filesystem::path& folder, const HfConfig& config) {
  write_text(folder / "config.json", config.text());
  write_text(folder / "tokenizer.json", tasks::tokenizer_json());
  write_text(folder / "tokenizer_config.json", kTokenizerConfig);
  write_text(folder / "generation_config.json", kGenerationConfig);
  write_text(folder / "chat_template.jinja", kEffortTemplate);
}

void write_text_model_files(const std::filesystem::path& folder, const HfConfig& config,
                            const std::filesystem::path& tokenizer, const Vocabulary& vocabulary) {
  write_text(folder / "config.json", config.text());
  write_text(folder / "tokenizer.json", read_text(tokenizer));
  write_text(folder / "generation_config.json", JsonLine()
                                                        .set("bos_token_id", vocabulary.bos)
                                                        .set("eos_token_id", vocabulary.eos)
                                                        .set("do_sample", false)
                                                        .text() +
                                                    "\n");
}

}  // namespace starnest::train
