#include <algorithm>

#include "base/text.h"
#include "cli/common.h"
#include "cli/inspect_facts.h"
#include "cli/inspect_fit.h"

namespace starnest::cli {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string text(int number) { return std::to_string(number); }

std::string summary_of(const BlockSpec& block) {
  if (const auto* s = std::get_if<Mamba2Spec>(&block))
    return text(s->heads) + " heads of " + text(s->head_dim) + ", " + text(s->groups) + " groups, state " +
           text(s->state) + ", convolution " + text(s->conv_width);
  if (const auto* s = std::get_if<AttentionSpec>(&block))
    return text(s->query_heads) + " query heads, " + text(s->kv_heads) + " key/value heads of " + text(s->head_dim);
  if (const auto* s = std::get_if<MlpSpec>(&block)) return "width " + text(s->ffn);
  const auto& s = std::get<MoeSpec>(block);
  return text(s.experts) + " experts of " + text(s.ffn) + ", " + text(s.experts_per_token) +
         " per token, shared expert " + text(s.shared_ffn) +
         (s.groups > 1 ? ", " + text(s.groups_kept) + " of " + text(s.groups) + " groups" : "");
}

std::string title_of(char letter) {
  switch (letter) {
    case 'M':
      return "Mamba-2 (M)";
    case '*':
      return "attention (*)";
    case 'E':
      return "experts (E)";
    default:
      return "dense MLP (-)";
  }
}

std::string model_text(const FamilySpec& family) {
  const ModelSpec& spec = family.spec;
  const std::string pattern = pattern_of(spec.blocks);
  Rows rows{{"architecture", spec.architecture + ", " + text(int(spec.blocks.size())) + " blocks"},
            {"pattern", pattern},
            {"model", "hidden " + text(spec.hidden) + ", vocabulary " + text(spec.vocab) +
                          (spec.tied_head ? ", tied head" : ", own head") +
                          (spec.max_context ? ", context " + text(spec.max_context) : "")}};
  for (const char letter : std::string("M*E-")) {
    const size_t first = pattern.find(letter);
    if (first == pattern.npos) continue;
    const auto count = std::count(pattern.begin(), pattern.end(), letter);
    rows.push_back({title_of(letter),
                    text(int(count)) + (count == 1 ? " block: " : " blocks: ") + summary_of(spec.blocks[first])});
  }
  if (family.default_plan)
    rows.push_back(
        {"default plan", "think with " + family.default_plan->think + ", answer with " + family.default_plan->answer});
  std::string out;
  for (const auto& row : rows) out += row[0] + std::string(16 - row[0].size(), ' ') + row[1] + "\n";
  return out;
}

std::string sizes_text(const ModelFacts& facts) {
  Rows rows;
  const auto add = [&](const std::string& title, const auto& value) {
    rows.push_back({title});
    for (const SizeFacts& size : facts.sizes) rows.back().push_back(grouped(value(size)));
  };
  rows.push_back({"size"});
  for (const SizeFacts& size : facts.sizes) rows.back().push_back(size.size->name);
  for (const WidthRow& row : widths_that_differ(*facts.family)) {
    rows.push_back({row.key});
    rows.back().insert(rows.back().end(), row.values.begin(), row.values.end());
  }
  add("parameters", [](const SizeFacts& s) { return s.cost[0].parameters; });
  add("active parameters", [](const SizeFacts& s) { return s.cost[0].active_parameters; });
  if (facts.stored) add("bytes as stored", [](const SizeFacts& s) { return s.bytes.value_or(0); });
  for (size_t f = 0; f < kFormats.size(); ++f)
    add(std::string(name_of(kFormats[f])) + " bytes", [f](const SizeFacts& s) { return s.cost[f].bytes; });
  for (size_t f = 0; f < kFormats.size(); ++f)
    add(std::string(name_of(kFormats[f])) + " bytes read per token",
        [f](const SizeFacts& s) { return s.cost[f].decode_bytes_per_token; });
  add("KV bytes per token (BF16)", [](const SizeFacts& s) { return s.state.kv_bytes_per_token(); });
  add("SSM bytes per sequence (F32)", [](const SizeFacts& s) { return s.state.ssm_bytes(); });
  add("conv bytes per sequence (BF16)", [](const SizeFacts& s) { return s.state.conv_bytes(); });
  std::string notes;
  for (const SizeFacts& size : facts.sizes)
    if (size.size->widths.differ_between_blocks())
      notes += "size " + size.size->name + ": widths differ between blocks; starnest only (slice --allow-lists)\n";
  return table_text(rows) + notes;
}

std::string storage_text(const StorageFacts& storage) {
  Rows rows{{"storage"}, {"one family"}, {"separate checkpoints"}};
  for (size_t f = 0; f < kFormats.size(); ++f) {
    rows[0].emplace_back(name_of(kFormats[f]));
    rows[1].push_back(bytes_text(storage.family[f]));
    rows[2].push_back(bytes_text(storage.separate[f]));
  }
  return table_text(rows);
}

std::string stored_text(const StoredFacts& stored) {
  Rows rows{{"in this folder", "tensors", "bytes"}};
  for (const auto& [encoding, format] : stored.formats) {
    const std::string title = std::string(name_of(encoding)) + (is_plain(encoding) ? "" : " with scales");
    rows.push_back({title, grouped(format.tensors), grouped(format.bytes)});
  }
  if (stored.unused_bytes > 0) rows.push_back({"not used", "", grouped(stored.unused_bytes)});
  for (const StoredFacts::Shard& shard : stored.shards)
    rows.push_back({shard.name, grouped(shard.tensors), grouped(shard.bytes)});
  if (stored.shards.size() > 1) rows.push_back({"all files", grouped(stored.tensors), grouped(stored.bytes)});
  return table_text(rows);
}

}  // namespace

std::string inspect_text(const ModelFacts& facts, const FitFacts* fit) {
  std::string out = model_text(*facts.family) + "\n" + sizes_text(facts);
  if (facts.sizes.size() > 1) out += "\n" + storage_text(facts.storage);
  if (facts.stored) out += "\n" + stored_text(*facts.stored);
  if (fit) out += "\n" + fit_text(*fit);
  return out;
}

}  // namespace starnest::cli
