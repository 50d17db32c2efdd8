// The engine: one copy of the weights, every resident size, and one way to run them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "arch/family_spec.h"
#include "base/progress.h"
#include "engine/sequence.h"
#include "engine/weights.h"

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
  std::vector<std::string> sizes = {};  // sizes that will be used, by name; empty: all of the family
  std::optional<DType> kv_dtype = {};   // F32 or BF16; not given: F32 beside weights that are all F32
};

// Since every size lies inside the larger ones, a size is resident together with all smaller ones.
// Not thread-safe: one step at a time. Sequences must not outlive their engine.
class Engine {
 public:
  // Opens the weights of `family`, up to the largest size asked for. Throws Error for an unknown size and for weights
  // that do not fit the config.
  Engine(const FamilySpec& family, const EngineOptions& options = {}, const Progress& progress = {});

  const Sizes& sizes() const { return family_.sizes; }     // of the family, resident or not
  size_t resident() const { return weights_.resident(); }  // the largest resident size
  size_t size_named(std::string_view name) const;          // a resident one; Error that suggests the nearest name
  const std::string& name_of(size_t size) const { return sizes().at(size).name; }

  // Makes a larger size resident by reading only what it adds, or gives back all that is larger than `size`. Sequences
  // of resident sizes live on; those of a dropped size may be stepped again once it is loaded again.
  void load(std::string_view name, const Progress& progress = {});
  void drop_above(std::string_view name);

  size_t vocab() const { return model_.vocab(); }
  const std::vector<std::string>& notices() const { return weights_.notices(); }  // what the checkpoint holds unused
  uint64_t resident_bytes() const { return weights_.bytes(); }
  const std::vector<Encoding>& encodings() const { return weights_.encodings(); }  // of the weights, most bytes first
  DType kv_dtype() const { return kv_dtype_; }
  int threads() const { return pool_.threads(); }
  ThreadPool& pool() { return pool_; }

  Sequence start(size_t size) const;  // of a resident size

  // A sequence of `size` that goes on from the state of another size as it is. What it computes then is not what it
  // would have computed on the same text, unless the two sizes are one. Throws Error when a block with a state is in
  // one of the sizes only; check_transplant() throws it beforehand.
  Sequence transplant(const Sequence& from, size_t size) const;
  void check_transplant(size_t from, size_t to) const;

  // Reads the tokens of every item and advances its sequence. Items of all sizes run together: weights that several of
  // them use are read once. An output's bits depend on the tokens of its own sequence, the size, the weights and the
  // instruction set only. Throws Error, before anything is read, for a token id outside the vocabulary.
  void step(std::span<BatchItem> batch);

 private:
  void check(std::span<const BatchItem> batch) const;

  FamilySpec family_;
  ThreadPool pool_;
  Weights weights_;
  Model model_;
  DType kv_dtype_;
  Arena arena_;
};

}  // namespace starnest
