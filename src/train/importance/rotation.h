// Turns the residual stream into the axes along which it varies most, without changing what the model computes: an
// alternative to picking channels (the rotation of SliceGPT, arXiv 2401.15024 section 3.2).
#pragma once

#include "train/importance/orders.h"
#include "train/modules/observer.h"

namespace starnest::train {

// The same function with every block norm and the final norm at weight 1: their weights move into the columns of the
// matrices that read them. RMSNorm then commutes with rotations. Throws Error for a tied head, which cannot take the
// final norm's weights while the embedding does not.
Parameters with_unit_norms(const Parameters& weights);

// Accumulates the second moments of what blocks read, over the positions that count. For a model with unit norms.
class ResidualMoments : public Observer {
 public:
  explicit ResidualMoments(int hidden) : sum_(torch::zeros({hidden, hidden}, torch::kDouble)) {}

  void expect(const Tensor& mask) { mask_ = mask; }  // of the next pass: [R, T], 1 at the positions that count
  void block_input(int block, const Tensor& normed) override;

  Tensor axes() const;  // orthonormal columns [D, D] F64, the largest moment first

 private:
  Tensor sum_;  // [D, D] F64
  Tensor mask_;
};

// The model in new residual coordinates x' = axes^T x; `axes` orthogonal [D, D] F64. The same function, to rounding,
// where norms have unit weights.
Parameters rotated(const Parameters& weights, const Tensor& axes);

}  // namespace starnest::train
