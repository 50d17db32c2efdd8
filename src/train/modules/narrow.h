// The weights of one block as a size sees them.
#pragma once

#include "train/modules/size_context.h"
#include "train/modules/weights.h"

namespace starnest::train {

// The kept part of a tensor of full width: a view where the kept indices are one run, a concatenation of runs where
// groups keep a prefix each. The full tensor itself when all is kept. Gradients flow to the kept part.
Tensor narrowed(const Tensor& full, const std::vector<Dimension>& dims, const BlockWidths& widths);

// Looks up and narrows on demand. Refers to `weights` and `size`, which must outlive it.
class BlockView {
 public:
  BlockView(const Weights& weights, const SizeContext& size, int block)
      : weights_(weights), size_(size), block_(block) {}

  Tensor operator[](Role role) const;
  Tensor find(Role role) const { return weights_.has(role, block_) ? (*this)[role] : Tensor(); }  // undefined if absent
  BlockSpec spec() const;
  const BlockMasks& masks() const { return size_.masks(block_); }
  double eps() const { return double(weights_.spec().norm_eps); }
  int block() const { return block_; }

 private:
  const Weights& weights_;
  const SizeContext& size_;
  int block_;
};

}  // namespace starnest::train
