// A checkpoint matched with the tensors that its model has: the one place where the two meet. Loading, slicing,
// training and inspect all read a model through it, so that a tensor is used by all of them or refused by all of them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "arch/tensors.h"
#include "base/encoding.h"
#include "format/weights/checkpoint.h"

namespace starnest {

// A tensor of the model as the checkpoint holds it.
struct StoredTensor {
  TensorSpec spec;
  Encoding encoding = Encoding::f32;
  TensorRef codes{};                // of a plain encoding the numbers themselves; nvfp4: [.., cols / 2], two to a byte
  std::optional<TensorRef> scales;  // nvfp4: E4M3 [.., cols / 16]
  std::optional<TensorRef> tensor_scale;  // fp8, nvfp4: one number, as the file spells it
  std::optional<TensorRef> input_scale;   // likewise, where the inputs were calibrated
  float input_scale_value = 1;
  std::optional<TensorRef> kv_scale;  // of a key or value projection: what an FP8 cache multiplies its codes by
  float kv_scale_value = 1;
  // What every number is multiplied by, whatever the file's spelling. 0: all numbers are 0, whatever their codes say.
  float tensor_scale_value = 1;

  std::string where() const;  // file and tensor, for the messages of an Error
};

// What a slice of these widths would hold of a tensor: all of it shrinks but the scales of the whole.
uint64_t stored_bytes(const StoredTensor& tensor, const Widths& widths);

// Movable; what it hands out stays valid then. Immutable after construction, safe from any thread.
class PairedCheckpoint {
 public:
  // Every tensor of the model has its counterpart, of the full model's shape and in an encoding that is known; every
  // tensor of the checkpoint has a place in the model, or is known to be harmless there (unused()). Throws Error naming
  // the first tensor of which that is not true.
  PairedCheckpoint(const ModelSpec& spec, Checkpoint checkpoint);

  const Checkpoint& checkpoint() const { return checkpoint_; }
  std::span<const StoredTensor> tensors() const { return tensors_; }  // in the order of tensors_of
  // What the checkpoint holds and no size needs, as phrases: "3 tensors of multi-token prediction (mtp.*)".
  const std::vector<std::string>& unused() const { return unused_; }
  // Sentences about what is odd in the tensors and does no harm.
  const std::vector<std::string>& remarks() const { return remarks_; }

 private:
  Checkpoint checkpoint_;
  std::vector<StoredTensor> tensors_;
  std::vector<std::string> unused_, remarks_;
};

// The sentences for whoever runs or trains the model: "not used: ...", and the remarks.
std::vector<std::string> unused_notices(const PairedCheckpoint& checkpoint);

// Throws Error naming the tensor where these columns, in the order of the file, split the blocks of an NVFP4 matrix.
void require_whole_blocks(const StoredTensor& tensor, std::span<const IndexRange> columns);

// Throws Error naming the tensor where `what` (such as "trained") needs plain numbers and it is quantised.
void require_plain(const StoredTensor& tensor, std::string_view what);

}  // namespace starnest
