// A batch of samples as tensors.
#pragma once

#include <torch/torch.h>

#include "tasks/batch.h"
#include "train/modules/sequences.h"

namespace starnest::train {

// Owns its tensors. R rows of T tokens.
struct BatchTensors {
  Tensor ids;         // [R, T] int64
  Tensor mask;        // [R, T] F32, 1 where the next token is part of the completion
  Tensor completion;  // [n] int64: the positions with mask 1, in the flattened batch
  Tensor targets;     // [n] int64: the next tokens there
  Tensor valid;       // [R, T] F32, 0 in padding
  Tensor segments;    // [R, T] as in Sequences, where rows are packed; else undefined
  Tensor answers;     // [R, 1] int64: the first position whose next token belongs to the answer; tasks only
  // What losses are means over. They stay those of the whole batch in a share of it, so that the losses and gradients
  // of all shares add up to those of the batch.
  int64_t positions = 0;  // with mask 1
  int64_t rows = 0;
  int64_t tokens = 0;  // padding not counted; also of the whole batch

  Sequences input() const { return {ids, segments}; }
};

BatchTensors to_tensors(const tasks::SampleBatch& batch);

// The rows that share `index` of `count` has of a batch: about R / count. 0 <= index < count <= R.
BatchTensors share_of(const BatchTensors& batch, int index, int count);

}  // namespace starnest::train
