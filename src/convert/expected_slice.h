// For tests only: what a slice must hold, written without nest.
#pragma once

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "convert/test_source.h"

namespace starnest {

using Indices = std::vector<size_t>;

inline Indices first(int kept) {
  Indices indices(static_cast<size_t>(kept));
  std::iota(indices.begin(), indices.end(), size_t{0});
  return indices;
}

inline void add(Indices& to, size_t start, const Indices& what) {
  for (const size_t index : what) to.push_back(start + index);
}

// Channels of the first heads of every group, by asking for each channel whether it stays.
inline Indices grouped_channels(int heads, int groups, int width, int kept_heads, int kept_width) {
  Indices indices;
  for (int i = 0; i < heads * width; ++i) {
    const int head = i / width, rank = head % (heads / groups);
    if (rank < kept_heads / groups && i % width < kept_width) indices.push_back(size_t(i));
  }
  return indices;
}

// What a slice must hold, written without nest: the name's ending says which indices of each dimension stay.
inline std::vector<Indices> expected_indices(const std::string& name, const Tiny& full, const Tiny& cut, char block) {
  const auto ends = [&](const char* ending) { return name.ends_with(ending); };
  const Indices hidden = first(cut.hidden);
  const Indices channels = grouped_channels(full.heads, full.groups, full.head_dim, cut.heads, cut.head_dim);
  const Indices heads = grouped_channels(full.heads, full.groups, 1, cut.heads, 1);
  const Indices queries =
      grouped_channels(full.query_heads, full.kv_heads, full.query_width, cut.query_heads, full.query_width);
  const Indices key_rows = first(full.kv_heads * full.query_width);
  const int inner = full.heads * full.head_dim, bc = 2 * full.groups * full.state;
  const int ffn = block == 'E' ? cut.moe_ffn : cut.ffn;

  if (ends("embeddings.weight") || ends("embedding.weight") || ends("lm_head.weight"))
    return {first(full.vocab), hidden};
  if (ends("in_proj.weight")) {
    Indices rows = channels;                   // z
    add(rows, size_t(inner), channels);        // x
    add(rows, size_t(2 * inner), first(bc));   // B, C
    add(rows, size_t(2 * inner + bc), heads);  // dt
    return {rows, hidden};
  }
  if (ends("conv1d.weight") || ends("conv1d.bias")) {
    Indices rows = channels;
    add(rows, size_t(inner), first(bc));
    if (ends("bias")) return {rows};
    return {rows, first(1), first(full.taps)};
  }
  if (ends("A_log") || ends("mixer.D") || ends("dt_bias")) return {heads};
  if (ends("mixer.norm.weight")) return {channels};
  if (ends("out_proj.weight")) return {hidden, channels};
  if (ends("q_proj.weight")) return {queries, hidden};
  if (ends("k_proj.weight") || ends("v_proj.weight")) return {key_rows, hidden};
  if (ends("o_proj.weight")) return {hidden, queries};
  if (ends("gate.weight")) return {first(cut.experts), hidden};
  if (ends("e_score_correction_bias")) return {first(cut.experts)};
  if (ends("experts.up_proj")) return {first(cut.experts), first(ffn), hidden};
  if (ends("experts.down_proj")) return {first(cut.experts), hidden, first(ffn)};
  if (ends("shared_experts.up_proj.weight")) return {first(cut.shared_ffn), hidden};
  if (ends("shared_experts.down_proj.weight")) return {hidden, first(cut.shared_ffn)};
  if (ends("up_proj.weight")) return {first(ffn), hidden};
  if (ends("down_proj.weight")) return {hidden, first(ffn)};
  return {hidden};  // norms
}

inline TensorBytes gather(const TensorBytes& full, const std::vector<Indices>& indices) {
  TensorBytes out{full.dtype, {}, {}};
  for (const Indices& kept : indices) out.shape.push_back(kept.size());
  const size_t width = size_of(full.dtype);
  for (uint64_t i = 0; i < product(out.shape); ++i) {
    uint64_t rest = i, flat = 0, stride = 1;
    for (size_t d = indices.size(); d-- > 0;) {
      flat += indices[d][rest % indices[d].size()] * stride;
      rest /= indices[d].size();
      stride *= full.shape[d];
    }
    out.bytes.insert(out.bytes.end(), full.bytes.begin() + long(flat * width),
                     full.bytes.begin() + long((flat + 1) * width));
  }
  return out;
}

// The name in a slice that keeps the blocks `layers` and the first experts; empty where it is gone.
inline std::string expected_name(const std::string& name, const Tiny& cut, const std::vector<int>& layers) {
  std::string new_name = name;
  if (const size_t at = name.find("layers."); at != std::string::npos) {
    const auto kept = std::find(layers.begin(), layers.end(), name[at + 7] - '0');
    if (kept == layers.end()) return {};
    new_name[at + 7] = char('0' + (kept - layers.begin()));
  }
  if (const size_t at = name.find(".experts."); at != std::string::npos && std::isdigit(name[at + 9]))
    if (name[at + 9] - '0' >= cut.experts) return {};
  return new_name;
}

inline char block_of(const std::string& name, const Tiny& full) {
  const size_t at = name.find("layers.");
  return at == std::string::npos ? '\0' : full.pattern[size_t(name[at + 7] - '0')];
}

// The slice of `source` at the widths of `cut`, keeping the blocks `layers`.
inline StoredTensors expected_slice(const Source& source, const Tiny& cut, const std::vector<int>& layers) {
  StoredTensors out;
  for (const auto& [name, stored] : source.tensors) {
    const std::string new_name = expected_name(name, cut, layers);
    if (!new_name.empty())
      out[new_name] = gather(stored, expected_indices(name, source.tiny, cut, block_of(name, source.tiny)));
  }
  return out;
}

// Of the size "small" in kEverything.
inline Tiny small_widths() {
  Tiny cut;
  cut.hidden = 16, cut.ffn = 32, cut.moe_ffn = 16, cut.shared_ffn = 16, cut.experts = 2;
  cut.heads = 2, cut.head_dim = 16, cut.query_heads = 2;
  return cut;
}

}  // namespace starnest
