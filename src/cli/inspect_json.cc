#include <algorithm>
#include <cctype>

#include <nlohmann/json.hpp>

#include "cli/inspect_facts.h"
#include "cli/inspect_fit.h"

namespace starnest::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string key_of(Encoding format) {
  std::string key(name_of(format));
  std::transform(key.begin(), key.end(), key.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  return key;
}

// Keys as in config.json.
Json json_of(const BlockSpec& block) {
  if (const auto* s = std::get_if<Mamba2Spec>(&block))
    return {{"mamba_num_heads", s->heads},
            {"mamba_head_dim", s->head_dim},
            {"n_groups", s->groups},
            {"ssm_state_size", s->state},
            {"conv_kernel", s->conv_width}};
  if (const auto* s = std::get_if<AttentionSpec>(&block))
    return {{"num_attention_heads", s->query_heads}, {"num_key_value_heads", s->kv_heads}, {"head_dim", s->head_dim}};
  if (const auto* s = std::get_if<MlpSpec>(&block)) return {{"intermediate_size", s->ffn}};
  const auto& s = std::get<MoeSpec>(block);
  return {{"n_routed_experts", s.experts},
          {"num_experts_per_tok", s.experts_per_token},
          {"moe_intermediate_size", s.ffn},
          {"moe_shared_expert_intermediate_size", s.shared_ffn},
          {"n_group", s.groups},
          {"topk_group", s.groups_kept}};
}

Json dimensions_of(const ModelSpec& spec) {
  Json all{{"hidden_size", spec.hidden}, {"vocab_size", spec.vocab}, {"tie_word_embeddings", spec.tied_head}};
  const std::string pattern = pattern_of(spec.blocks);
  for (const char letter : std::string("M*E-"))
    if (const size_t first = pattern.find(letter); first != pattern.npos) all.update(json_of(spec.blocks[first]));
  return all;
}

// All widths of a size: a number, or one per block (0 where a block has no such axis) when they differ.
Json widths_of(const ModelSpec& spec, const Widths& widths) {
  Json out = Json::object();
  const Widths full = full_widths(spec);
  for (const Axis axis : kDials) {
    if (axis == Axis::hidden) {
      out[std::string(starnest::key_of(axis))] = widths.hidden;
      continue;
    }
    if (!full.uniform(axis)) continue;
    if (const auto width = widths.uniform(axis)) {
      out[std::string(starnest::key_of(axis))] = *width;
      continue;
    }
    Json list = Json::array();
    for (const BlockWidths& block : widths.blocks) list.push_back(block.kept ? block[axis] : 0);
    out[std::string(starnest::key_of(axis))] = std::move(list);
  }
  Json layers = Json::array();
  for (size_t b = 0; b < widths.blocks.size(); ++b)
    if (widths.blocks[b].kept) layers.push_back(b);
  out["layers"] = std::move(layers);
  if (widths.differ_between_blocks()) out["starnest_only"] = true;
  return out;
}

Json size_json(const ModelSpec& spec, const SizeFacts& facts) {
  Json formats = Json::object();
  for (size_t f = 0; f < kFormats.size(); ++f)
    formats[key_of(kFormats[f])] = {{"bytes", facts.cost[f].bytes},
                                    {"decode_bytes_per_token", facts.cost[f].decode_bytes_per_token}};
  return {{"name", facts.size->name},
          {"widths", widths_of(spec, facts.size->widths)},
          {"parameters", facts.cost[0].parameters},
          {"active_parameters", facts.cost[0].active_parameters},
          {"stored_bytes", facts.bytes ? Json(*facts.bytes) : Json(nullptr)},
          {"formats", std::move(formats)},
          {"kv_bytes_per_token", facts.state.kv_bytes_per_token()},
          {"ssm_bytes_per_sequence", facts.state.ssm_bytes()},
          {"conv_bytes_per_sequence", facts.state.conv_bytes()}};
}

Json storage_json(const StorageFacts& storage) {
  Json out = Json::object();
  for (size_t f = 0; f < kFormats.size(); ++f)
    out[key_of(kFormats[f])] = {{"family_bytes", storage.family[f]}, {"separate_bytes", storage.separate[f]}};
  return out;
}

Json stored_json(const StoredFacts& stored) {
  Json shards = Json::array(), dtypes = Json::object(), formats = Json::object();
  for (const StoredFacts::Shard& shard : stored.shards)
    shards.push_back({{"name", shard.name}, {"tensors", shard.tensors}, {"bytes", shard.bytes}});
  for (const auto& [name, dtype] : stored.dtypes) dtypes[name] = {{"tensors", dtype.tensors}, {"bytes", dtype.bytes}};
  for (const auto& [encoding, format] : stored.formats)
    formats[key_of(encoding)] = {{"tensors", format.tensors}, {"bytes", format.bytes}};
  return {{"tensors", stored.tensors},     {"bytes", stored.bytes},       {"unused_bytes", stored.unused_bytes},
          {"formats", std::move(formats)}, {"dtypes", std::move(dtypes)}, {"shards", std::move(shards)}};
}

Json fit_json(const FitFacts& fit) {
  Json rows = Json::array();
  for (const FitRow& row : fit.rows)
    rows.push_back({{"size", row.size},
                    {"format", row.format},
                    {"fits", row.fits},
                    {"weights_bytes", row.need.weights},
                    {"bytes_per_sequence", row.need.per_sequence(row.load.context)},
                    {"bytes", row.need.bytes(row.load)},
                    {"context", row.load.context},
                    {"longest_context", row.longest}});
  return {{"memory_bytes", fit.asked.memory}, {"sequences", fit.asked.sequences}, {"rows", std::move(rows)}};
}

}  // namespace

std::string inspect_json(const ModelFacts& facts, const FitFacts* fit) {
  const FamilySpec& family = *facts.family;
  Json root{{"architecture", family.spec.architecture},
            {"pattern", pattern_of(family.spec.blocks)},
            {"dimensions", dimensions_of(family.spec)},
            {"sizes", Json::array()},
            {"storage", storage_json(facts.storage)}};
  for (const SizeFacts& size : facts.sizes) root["sizes"].push_back(size_json(family.spec, size));
  root["default_plan"] = nullptr;
  if (family.default_plan)
    root["default_plan"] = {{"think", family.default_plan->think}, {"answer", family.default_plan->answer}};
  root["stored"] = facts.stored ? stored_json(*facts.stored) : Json(nullptr);
  if (fit) root["fit"] = fit_json(*fit);
  return root.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace starnest::cli
