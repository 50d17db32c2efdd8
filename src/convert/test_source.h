// For tests only: a small family with every kind of block, whose tensors may be changed before it is written.
#pragma once

#include <array>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "arch/nemotron_h/nemotron_h.h"
#include "base/test_support.h"
#include "convert/slice.h"
#include "format/weights/test_checkpoint.h"

namespace starnest {

// All block types; every axis has room to be cut.
struct Tiny {
  int hidden = 48, vocab = 7, heads = 4, head_dim = 32, groups = 2, state = 3, taps = 4;
  int query_heads = 4, kv_heads = 2, query_width = 16, ffn = 48, moe_ffn = 32, shared_ffn = 48, experts = 5;
  std::string pattern = "M-ME*ME-";

  std::string config() const {
    const auto number = [](const char* key, int value) {
      return "\"" + std::string(key) + "\": " + std::to_string(value) + ", ";
    };
    return "{\"model_type\": \"nemotron_h\", \"hybrid_override_pattern\": \"" + pattern + "\", " +
           number("num_hidden_layers", int(pattern.size())) + number("hidden_size", hidden) +
           number("vocab_size", vocab) + number("mamba_num_heads", heads) + number("mamba_head_dim", head_dim) +
           number("n_groups", groups) + number("ssm_state_size", state) + number("conv_kernel", taps) +
           number("num_attention_heads", query_heads) + number("num_key_value_heads", kv_heads) +
           number("head_dim", query_width) + number("intermediate_size", ffn) + number("n_routed_experts", experts) +
           number("num_experts_per_tok", 2) + number("moe_intermediate_size", moe_ffn) +
           number("moe_shared_expert_intermediate_size", shared_ffn) +
           "\"norm_topk_prob\": true, \"routed_scaling_factor\": 2.5, \"layer_norm_epsilon\": 1e-5}";
  }
};

enum class Layout { single, sharded };

// A checkpoint of the tiny model whose tensors may be changed before it is written.
struct Source {
  Tiny tiny;
  StoredTensors tensors;

  Source() : Source(Tiny{}, nemotron_h::Naming{}) {}
  Source(const Tiny& shape, const nemotron_h::Naming& naming) : tiny(shape) {
    const HfConfig config = HfConfig::parse(tiny.config(), "config.json");
    const ModelSpec spec = architecture_of(config).read(config);
    for (const TensorSpec& tensor : nemotron_h::tensors(spec, naming)) {
      const bool is_gate = tensor.role == Role::gate || tensor.role == Role::gate_bias;
      tensors[tensor.name] = pattern(tensor.name, is_gate ? DType::f32 : DType::bf16, tensor.shape(full_widths(spec)));
    }
  }

  void write(const std::filesystem::path& folder, const std::string& sizes, Layout layout = Layout::single) const {
    std::filesystem::create_directories(folder);
    put_file(folder / "config.json", tiny.config());
    put_file(folder / "elastic.json", R"({"format": "starnest-elastic", "version": 1, "sizes": [)" + sizes + "]}");
    put_file(folder / "tokenizer.json", "{\"a tokenizer\": 1}\n");
    put_file(folder / "generation_config.json", "{\"eos_token_id\": [2, 11]}");
    put_file(folder / "chat_template.jinja", "{{ messages }}");
    put_file(folder / "SHA256SUMS", "old");
    if (layout == Layout::single) {
      write_shard(folder / "model.safetensors", tensors);
      return;
    }
    // Three shards in turn, and a fourth with all of block 3.
    std::array<StoredTensors, 4> shards;
    std::string index;
    size_t turn = 0;
    for (const auto& [name, stored] : tensors) {
      const size_t shard = name.find("layers.3.") != std::string::npos ? 3 : turn++ % 3;
      shards[shard].emplace(name, stored);
      index += std::string(index.empty() ? "" : ", ") + "\"" + name + "\": \"" + shard_name(shard) + "\"";
    }
    for (size_t s = 0; s < shards.size(); ++s) write_shard(folder / shard_name(s), shards[s]);
    put_file(folder / "model.safetensors.index.json",
             R"({"metadata": {"total_size": 1}, "weight_map": {)" + index + "}}");
  }

  static std::string shard_name(size_t shard) {
    return "model-0000" + std::to_string(shard + 1) + "-of-00004.safetensors";
  }
};

inline constexpr const char* kEverything =
    R"({"name": "small", "hidden_size": 16, "intermediate_size": 32, "moe_intermediate_size": 16,
        "moe_shared_expert_intermediate_size": 16, "n_routed_experts": 2, "mamba_num_heads": 2, "mamba_head_dim": 16,
        "num_attention_heads": 2, "layers": [0, 1, 4, 6]})";
inline constexpr const char* kMiddle =
    R"({"name": "mid", "hidden_size": 32, "n_routed_experts": 4, "mamba_head_dim": 16})";
inline const std::string kChain = std::string(R"({"name": "full"}, )") + kMiddle + ", " + kEverything;

inline SliceResult slice_folder(const std::filesystem::path& from, const std::string& size,
                                const std::filesystem::path& to, const SliceOptions& options = {}) {
  const FamilySpec family = read_family(from);
  return slice(family, family.size(size), to, options);
}

}  // namespace starnest
