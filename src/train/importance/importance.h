// How much each unit of every width axis matters, measured while the model reads.
#pragma once

#include "train/importance/orders.h"
#include "train/modules/observer.h"

namespace starnest::train {

// Accumulates over passes (Minitron, arXiv 2407.14679): per sample and channel, a = mean over completion positions of
// |activation|; a channel's score at one place is sqrt(sum over samples of a^2).
//   hidden   the output of every norm that feeds a block; scores of all places are added
//   FFN      the input of the second matrix, per block; for routed experts per expert, a position that was not routed
//            to the expert counting as 0
//   query heads    the input of the output projection; norm over the channels of a head
//   Mamba          the x part of the projection before the convolution: of a channel the norm over heads, of a head the
//                  norm over its channels
// Experts are scored otherwise (REAP, section 2.3): the mean over the completion positions routed to an expert of its
// weight times the norm of its output; 0 when there are none. Experts in groups that route among themselves are not.
// Sums in F64. Prompts and padding never enter. Not thread-safe.
class Importance : public Observer {
 public:
  explicit Importance(const ModelSpec& spec) : spec_(spec) {}

  // Announces the next pass: mask [R, T], 1 at the positions that count.
  void expect(const Tensor& mask);

  void block_input(int block, const Tensor& normed) override;
  void ffn(int block, Axis axis, const Tensor& activation) override;
  void mamba_input(int block, const Tensor& x) override;
  void attention_heads(int block, const Tensor& y) override;
  void experts(int block, const ExpertActivations& activations) override;

  ByAxis scores() const;
  int64_t samples() const { return samples_; }

 private:
  // The sum over the samples of a pass of a^2; activation [R, T, ...] -> [...].
  Tensor squares(const Tensor& activation) const;
  void add(std::map<std::pair<int, Axis>, Tensor>& sums, int block, Axis axis, const Tensor& sum);

  ModelSpec spec_;
  Tensor mask_;           // [R, T] F64
  Tensor positions_;      // [R] completion positions of each sample, at least 1
  ByAxis sums_;           // of a^2, by (block, axis); hidden by block as well, Mamba heads as [M, P]
  ByAxis reap_, routed_;  // of experts: sums of weight times norm, and positions
  int64_t samples_ = 0;
};

}  // namespace starnest::train
