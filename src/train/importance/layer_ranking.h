// How much each block matters: which can go, one after the other, with the least harm.
#pragma once

#include <functional>
#include <vector>

#include "train/distill/batch_tensors.h"
#include "train/modules/weights.h"

namespace starnest::train {

// Without this block and all those before it in the list, the error of the logits.
struct BlockDrop {
  int block;
  double error;  // sum (full - dropped)^2 / sum full^2 over completion positions and the vocabulary
};

// Iterative normalised MSE (arXiv 2511.16664): of the blocks that are left, the one whose removal changes the
// logits least goes next, until one is left. n (n + 1) / 2 - 1 passes over the batches for n blocks; `progress` (done,
// total) is called after each and may throw.
std::vector<BlockDrop> rank_layers(const Weights& weights, const std::vector<BatchTensors>& batches,
                                   const std::function<void(int64_t, int64_t)>& progress = {});

}  // namespace starnest::train
