// The engine: one copy of the weights, every resident size, and one way to run them.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/arch/family_spec.h"
#include "core/base/progress.h"
#include "runtime/sequence.h"
#include "runtime/weights.h"

namespace starnest {

enum class Want { none, last, all };  // which logits of an item

struct BatchItem {
  Sequence* sequence = nullptr;     // several items of a batch must not share one
  std::span<const TokenId> tokens;  // to read next; at least one
  Want want = Want::none;
  MatView<const float> logits{};  // set by step: [0, 1 or tokens.size(), V]; valid until the next step
};

struct EngineOptions {
  int threads = 0;                      // 0: as many as the process may use
  std::vector<std::string> sizes = {};  // resident sizes by name; empty: all of the family
};

// Not thread-safe: one step at a time. Sequences must not outlive their engine.
class Engine {
 public:
  // Opens the weights of `family`. Throws Error for an unknown size and for weights that do not fit the config.
  Engine(const FamilySpec& family, const EngineOptions& options = {}, const Progress& progress = {});

  // Resident sizes, largest first.
  std::span<const Size> sizes() const { return sizes_; }
  size_t index_of(std::string_view name) const;  // Error that suggests the nearest name
  size_t vocab() const { return models_.front().vocab(); }
  uint64_t resident_bytes() const { return weights_.bytes(); }
  DType weight_dtype() const { return weights_.dtype(); }
  int threads() const { return pool_.threads(); }

  Sequence start(size_t size) const { return Sequence(models_[size], size); }

  // Reads the tokens of every item and advances its sequence. An output's bits depend on the tokens of its own
  // sequence, the size, the weights and the instruction set only. Items of one size run together. Throws Error, before
  // anything is read, for a token id outside the vocabulary.
  void step(std::span<BatchItem> batch);

 private:
  void step_size(std::span<BatchItem> batch, size_t size);

  FamilySpec family_;
  std::vector<Size> sizes_;
  Weights weights_;
  std::vector<Model> models_;  // beside sizes_
  ThreadPool pool_;
  Arena arena_;
};

}  // namespace starnest
