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

  Sequences input() const { return {ids, segments}; }
  int64_t tokens() const { return valid_tokens; }
  int64_t valid_tokens = 0;  // padding not counted
};

BatchTensors to_tensors(const tasks::Batch& batch);

}  // namespace starnest::train
