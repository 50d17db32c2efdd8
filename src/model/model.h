// A decoder at one nested size: a list of blocks on views of the shared weights. Cheap to copy; immutable after it is
// built, safe from any thread. The weights must outlive it.
#pragma once

#include <span>
#include <variant>
#include <vector>

#include "core/base/dims.h"
#include "kernels/exec.h"
#include "kernels/weight.h"
#include "model/batch.h"
#include "model/blocks/attention.h"
#include "model/blocks/mamba2.h"
#include "model/blocks/mlp.h"
#include "model/blocks/moe.h"

namespace starnest {

using Mixer = std::variant<Mamba2, Attention, Mlp, Moe>;

struct Block {
  VecView<const float> norm;  // [D]
  Mixer mixer;
};

struct Model {
  WeightView embedding;             // [V, D]
  std::vector<Block> blocks;        // dropped blocks are absent
  VecView<const float> final_norm;  // [D]
  WeightView head;                  // [V, D]; the embedding where the two are tied
  float norm_eps = 0;

  size_t hidden() const { return embedding.cols; }
  size_t vocab() const { return head.rows; }

  // The residual stream after all blocks, one row per token of `ids`; x [ids.size(), D]. Runs cover the rows in order.
  // Advances the states of all runs by their rows.
  void forward(const Exec& exec, std::span<const TokenId> ids, std::span<const SequenceRun> runs,
               MatView<float> x) const;

  // logits [T, V] of rows of the residual stream x [T, D].
  void logits(const Exec& exec, MatView<const float> x, MatView<float> logits) const;
};

}  // namespace starnest
