// A decoder of which every size is resident: a list of blocks on shared weights. Runs tokens of any sizes in one batch.
// Immutable after it is built, safe from any thread. The weights must outlive it.
#pragma once

#include <span>
#include <variant>
#include <vector>

#include "base/dims.h"
#include "kernels/batch.h"
#include "kernels/exec.h"
#include "kernels/packed_matrix.h"
#include "model/blocks/attention.h"
#include "model/blocks/mamba2.h"
#include "model/blocks/mlp.h"
#include "model/blocks/moe.h"
#include "model/state_layout.h"
#include "nest/sizes.h"

namespace starnest {

using Mixer = std::variant<Mamba2, Attention, Mlp, Moe>;

struct Block {
  size_t smallest = 1;        // size that keeps this block
  VecView<const float> norm;  // [D]
  Mixer mixer;
};

struct Model {
  PackedMatrix embedding;           // [V, D]
  std::vector<Block> blocks;        // of the full model; one that no resident size keeps has smallest > largest()
  VecView<const float> final_norm;  // [D]
  PackedMatrix head;                // [V, D]; the embedding where the two are tied
  float norm_eps = 0;
  std::vector<size_t> hidden;  // D by size, smallest first
  PerSize<StateLayout> states;

  size_t largest() const { return embedding.shells.size(); }
  size_t vocab() const { return head.rows(); }

  // The residual stream after all blocks, one row per token of `ids`; x [ids.size(), >= D of the first row], columns
  // past a row's own width hold anything. Advances the states of all runs by their rows.
  void forward(const Exec& exec, std::span<const TokenId> ids, const Batch& batch, MatView<float> x) const;

  // logits [T, V] of rows of the residual stream x; the batch needs no runs.
  void logits(const Exec& exec, const Batch& batch, MatView<const float> x, MatView<float> logits) const;
};

}  // namespace starnest
