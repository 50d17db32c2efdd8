// The engine: one copy of the weights, every resident size, and one way to run them.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "arch/cost.h"
#include "arch/family_spec.h"
#include "base/progress.h"
#include "engine/kv_pool.h"
#include "engine/sequence.h"
#include "engine/weights.h"
#include "kernels/devices.h"
#include "model/model.h"

namespace starnest {

enum class Want { none, last, all };  // which logits of an item

struct BatchItem {
  Sequence* sequence = nullptr;     // several items of a batch must not share one
  std::span<const TokenId> tokens;  // to read next; at least one
  Want want = Want::none;
  MatView<const float> logits{};  // set by step: [0, 1 or tokens.size(), V] for the host; valid until the next step
};

struct EngineOptions {
  int threads = 0;                       // 0: as many as the process may use
  std::vector<std::string> sizes = {};   // sizes that will be used, by name; empty: all of the family
  std::optional<DType> kv_dtype = {};    // F32, BF16 or F8_E4M3; not given: F32 beside weights that are all F32
  std::string device{kDefaultDevice};    // where weights and states live (kernels/devices.h)
  uint64_t kv_limit = KvPool::kNoLimit;  // bytes of keys and values that all sequences may take together
};

// Since every size lies inside the larger ones, a size is resident together with all smaller ones.
// Not thread-safe: one step at a time. Sequences must not outlive their engine.
class Engine {
 public:
  // Opens the weights of `family`, up to the largest size asked for. Throws Error for an unknown size and for weights
  // that do not fit the config, and what make_device throws.
  Engine(const FamilySpec& family, const EngineOptions& options = {}, const Progress& progress = {});
  // On a device of the caller's, whatever the options say.
  Engine(const FamilySpec& family, std::shared_ptr<Device> device, const EngineOptions& options = {},
         const Progress& progress = {});

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
  EncodingOf encoding_of() const {  // of every tensor; valid as long as the engine
    return [this](const TensorSpec& tensor) { return weights_.encoding_of(tensor); };
  }
  DType kv_dtype() const { return kv_dtype_; }
  int threads() const { return pool_.threads(); }
  ThreadPool& pool() { return pool_; }
  Device& device() const { return *device_; }

  Sequence start(size_t size) const;  // of a resident size

  // A sequence of `size` that goes on from the state of another size as it is. What it computes then is not what it
  // would have computed on the same text, unless the two sizes are one. Throws Error when a block with a state is in
  // one of the sizes only; check_transplant() throws it beforehand.
  Sequence transplant(const Sequence& from, size_t size) const;
  void check_transplant(size_t from, size_t to) const;

  // Reads the tokens of every item and advances its sequence. Items of all sizes run together: weights that several of
  // them use are read once. An output's bits depend on the tokens of its own sequence, the size, the weights and the
  // instruction set only. Throws Error, before anything changed, for a token id outside the vocabulary and when
  // kv_needed(batch) is more than kv().available().
  void step(std::span<BatchItem> batch);

  // Bytes of keys and values that a step would take beyond what its sequences hold; where several of them share a block
  // that they write into, at most one copy too many.
  uint64_t kv_needed(std::span<const BatchItem> batch) const;
  KvPool& kv() const { return *kv_; }

 private:
  struct Layout;

  void check(std::span<const BatchItem> batch) const;
  static Layout laid_out(std::span<BatchItem* const> items);
  void hand_out(std::span<BatchItem* const> items, MatView<const float> logits);

  FamilySpec family_;
  std::shared_ptr<Device> device_;  // before all that holds its memory
  ThreadPool pool_;
  Weights weights_;
  Model model_;
  DType kv_dtype_;
  std::unique_ptr<KvPool> kv_;  // what sequences take; not part of what the engine computes
  Arena arena_;
};

}  // namespace starnest
