// What a forward pass shows on its way: for importance scores and for the balance of experts.
#pragma once

#include <torch/torch.h>

#include "nest/axis.h"

namespace starnest::train {

using torch::Tensor;

// How the n = R*T tokens of a pass were sent to experts.
struct Routing {
  Tensor scores;   // [n, E] sigmoid of the router's logits, with gradient
  Tensor chosen;   // [n, J] expert numbers, best first
  Tensor weights;  // [n, J] of the chosen, after normalising and scaling, with gradient
};

// Activations of routed experts, one row per (token, expert) pair, in the order of experts.
struct ExpertActivations {
  Tensor values;   // [n * J, F] input of the second matrix
  Tensor tokens;   // [n * J] the token (0 .. n-1) of each row
  Tensor experts;  // [n * J] its expert
  Tensor outputs;  // [n * J, D] of the expert, before its weight
  Tensor weights;  // [n * J] what the output is multiplied by
};

// Called in the order of the blocks, on the thread of the pass. Tensors may be kept.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void block_input(int /*block*/, const Tensor& /*normed*/) {}             // [R, T, D]
  virtual void ffn(int /*block*/, Axis /*axis*/, const Tensor& /*activation*/) {}  // [R, T, F], dense or shared
  virtual void mamba_input(int /*block*/, const Tensor& /*x*/) {}      // [R, T, M, P] x part of the projection
  virtual void attention_heads(int /*block*/, const Tensor& /*y*/) {}  // [R, T, H, Q] input of the output projection
  virtual void routing(int /*block*/, const Routing&) {}
  virtual void experts(int /*block*/, const ExpertActivations&) {}
};

}  // namespace starnest::train
