// The small random checkpoints beside this file and the logits that transformers computed for them (README.md).
#pragma once

#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "format/weights/safetensors.h"

namespace starnest::golden {

inline const std::vector<std::string> kNames{"moe_f32", "dense_f32", "grouped_f32", "mixed_bf16", "wide_bf16"};

inline std::filesystem::path folder(const std::string& name) {
  return std::filesystem::path(STARNEST_SOURCE_DIR) / "tests/golden" / name;
}

template <class T>
std::vector<T> values(const SafetensorsFile& file, std::string_view name) {
  const TensorInfo* info = file.find(name);
  if (!info) return {};
  std::vector<T> out(file.bytes(*info).size() / sizeof(T));
  std::memcpy(out.data(), file.bytes(*info).data(), file.bytes(*info).size());
  return out;
}

struct Golden {
  std::vector<TokenId> ids;
  std::vector<float> logits;      // [T, V] as transformers computes them in the checkpoint's type
  std::vector<float> logits_f32;  // of the same weights in F32; equal to `logits` for F32 checkpoints
};

inline Golden read(const std::string& name, const std::string& size) {
  const SafetensorsFile file(folder(name) / ("golden_" + size + ".safetensors"));
  Golden golden;
  for (const int64_t id : values<int64_t>(file, "ids")) golden.ids.push_back(TokenId(id));
  golden.logits = values<float>(file, "logits");
  golden.logits_f32 = values<float>(file, "logits_f32");
  if (golden.logits_f32.empty()) golden.logits_f32 = golden.logits;
  return golden;
}

// Logits [T, V] of a fresh sequence that reads `ids` in chunks of `chunk` tokens (0: all at once).
inline std::vector<float> logits_of(Engine& engine, const std::string& size, const std::vector<TokenId>& ids,
                                    size_t chunk = 0) {
  Sequence sequence = engine.start(engine.size_named(size));
  std::vector<float> out;
  for (size_t at = 0; at < ids.size();) {
    const size_t count = std::min(chunk ? chunk : ids.size(), ids.size() - at);
    BatchItem item{&sequence, std::span(ids).subspan(at, count), Want::all, {}};
    engine.step({&item, 1});
    for (size_t t = 0; t < count; ++t) out.insert(out.end(), item.logits.row(t), item.logits.row(t) + item.logits.cols);
    at += count;
  }
  return out;
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// The largest over positions of max |a-b| / max |b| over the vocabulary.
inline double relative_error(const std::vector<float>& a, const std::vector<float>& b, size_t vocab) {
  if (a.size() != b.size() || a.empty()) return INFINITY;
  double worst = 0;
  for (size_t start = 0; start < a.size(); start += vocab) {
    double difference = 0, scale = 0;
    for (size_t i = start; i < start + vocab; ++i) {
      difference = std::max(difference, std::abs(double(a[i]) - double(b[i])));
      scale = std::max(scale, std::abs(double(b[i])));
    }
    worst = std::max(worst, difference / scale);
  }
  return worst;
}

}  // namespace starnest::golden
