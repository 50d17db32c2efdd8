// A new model as a Hugging Face folder: its config.json and the small files beside the weights.
#pragma once

#include <filesystem>
#include <string>

#include "format/json/hf_config.h"

namespace starnest::train {

// A nemotron_h model. The defaults are the study model C: 266,984
// parameters, 168,680 active.
struct ModelSettings {
  std::string pattern = "M*EM*E";  // one letter per block: M Mamba-2, * attention, E experts, - dense MLP
  int hidden = 64;                 // D
  int mamba_heads = 4;             // M
  int mamba_head_dim = 32;         // P
  int ssm_groups = 2;              // G
  int ssm_state = 32;              // N
  int conv_width = 4;              // W
  int query_heads = 8;             // H
  int kv_heads = 2;                // K
  int head_dim = 16;               // Q
  int ffn = 64;                    // F of dense blocks
  int experts = 8;                 // E
  int experts_per_token = 2;       // J
  int expert_ffn = 64;             // F of a routed expert
  int shared_ffn = 64;             // F of the shared expert
  double expert_scale = 1.5;       // of the chosen scores

  template <class Visitor>
  static void fields(Visitor&& field) {
    field("pattern", &ModelSettings::pattern, "one letter per block: M Mamba-2, * attention, E experts, - dense MLP");
    field("hidden", &ModelSettings::hidden, "residual width");
    field("mamba_heads", &ModelSettings::mamba_heads, "Mamba heads");
    field("mamba_head_dim", &ModelSettings::mamba_head_dim, "width of a Mamba head");
    field("ssm_groups", &ModelSettings::ssm_groups, "groups of Mamba heads that share B and C");
    field("ssm_state", &ModelSettings::ssm_state, "state per Mamba channel");
    field("conv_width", &ModelSettings::conv_width, "taps of the convolution");
    field("query_heads", &ModelSettings::query_heads, "query heads");
    field("kv_heads", &ModelSettings::kv_heads, "key/value heads");
    field("head_dim", &ModelSettings::head_dim, "width of an attention head");
    field("ffn", &ModelSettings::ffn, "inner width of dense blocks");
    field("experts", &ModelSettings::experts, "routed experts");
    field("experts_per_token", &ModelSettings::experts_per_token, "experts that a token visits");
    field("expert_ffn", &ModelSettings::expert_ffn, "inner width of a routed expert");
    field("shared_ffn", &ModelSettings::shared_ffn, "inner width of the shared expert");
    field("expert_scale", &ModelSettings::expert_scale, "factor of the chosen experts' weights");
  }
};

// The tokens of a new model.
struct Vocabulary {
  int size = 64;
  int bos = 1, eos = 2, pad = 0;
};

// config.json in the names that every reader of nemotron_h knows. `time_step_min` is 1e-30, since transformers clamps
// dt to it in prefill, which the model does not.
HfConfig make_config(const ModelSettings& settings, const Vocabulary& vocabulary);

// Of a model of the synthetic tasks: config.json, tokenizer.json, tokenizer_config.json, generation_config.json,
// chat_template.jinja.
void write_model_files(const std::filesystem::path& folder, const HfConfig& config);

// Of a model of text: config.json, a copy of the tokenizer file, generation_config.json.
void write_text_model_files(const std::filesystem::path& folder, const HfConfig& config,
                            const std::filesystem::path& tokenizer, const Vocabulary& vocabulary);

}  // namespace starnest::train
