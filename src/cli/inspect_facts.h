// What `starnest inspect` knows about a model folder, before it is printed.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "arch/cost.h"
#include "arch/family_spec.h"
#include "engine/memory_fit.h"

namespace starnest::cli {

inline constexpr std::array kFormats{Encoding::bf16, Encoding::fp8, Encoding::nvfp4};

struct SizeFacts {
  const Size* size = nullptr;
  std::array<Cost, kFormats.size()> cost;  // by format
  StateCost state;
  std::optional<uint64_t> bytes = {};  // of the tensors as the folder stores them
};

// Bytes of weights, by format: the family in one checkpoint against one checkpoint per size.
struct StorageFacts {
  std::array<uint64_t, kFormats.size()> family{};
  std::array<uint64_t, kFormats.size()> separate{};
};

// The weights that the folder holds.
struct StoredFacts {
  struct Shard {
    std::string name;
    uint64_t tensors = 0;
    uint64_t bytes = 0;  // of tensor data
  };
  struct Dtype {
    uint64_t tensors = 0;
    uint64_t bytes = 0;
  };
  struct Format {
    uint64_t tensors = 0;  // of the model; codes and scales of a quantised one count as one
    uint64_t bytes = 0;
  };
  std::vector<Shard> shards;
  std::map<std::string, Dtype> dtypes;
  std::map<Encoding, Format> formats;  // of what the model uses
  uint64_t tensors = 0;
  uint64_t bytes = 0;
  uint64_t unused_bytes = 0;
  std::vector<std::string> notices;  // about tensors that are not used
};

// Refers to `family`, which must outlive it.
struct ModelFacts {
  const FamilySpec* family = nullptr;
  std::vector<SizeFacts> sizes;  // largest first
  StorageFacts storage;
  std::optional<StoredFacts> stored;
  std::optional<PerSize<MemoryNeed>> needs = {};  // as the folder stores the weights
};
// Throws Error where the folder has weights and they do not fit the config.
ModelFacts facts_of(const FamilySpec& family);

// A width of config.json in all sizes, largest first; "16-48" where the blocks of a size differ.
struct WidthRow {
  std::string key;
  std::vector<std::string> values;
};
std::vector<WidthRow> widths_that_differ(const FamilySpec& family);

struct FitFacts;
// `fit` may be null: nobody asked.
std::string inspect_text(const ModelFacts& facts, const FitFacts* fit);
std::string inspect_json(const ModelFacts& facts, const FitFacts* fit);

}  // namespace starnest::cli
