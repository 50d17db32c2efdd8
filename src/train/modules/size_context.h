// At which size a forward pass runs. Passed explicitly to every pass; there is no global state.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include <torch/torch.h>

#include "arch/model_spec.h"
#include "nest/widths.h"

namespace starnest::train {

using torch::Tensor;

// How much of one axis is in use, for masked execution. `mask` undefined: all of it, and no arithmetic is done.
//   one-hot  mask = 1 for kept units, else 0         share = n/N               root = sqrt(n/N)
//   soft     mask = sum_i pi_i prefix(C_i)           share = sum_i pi_i C_i/N  root = sum_i pi_i sqrt(C_i/N)
// n is the width in use and N the full one; pi and C are a router's probabilities and choices.
struct AxisMask {
  Tensor mask;   // [units] in file order, so that groups keep equal prefixes
  Tensor share;  // scalar, detached: scales the eps of a norm over this axis
  Tensor root;   // scalar: scales the result of a norm over this axis

  bool full() const { return !mask.defined(); }
};

// 1 for the kept units of a dial, else 0: the first kept / groups of every group. [full]
Tensor prefix_mask(const Dial& dial, int kept, torch::ScalarType dtype);

struct BlockMasks {
  std::array<AxisMask, kAxes> axis;
  Tensor gate;  // scalar that multiplies the whole block (depth); undefined: 1

  const AxisMask& operator[](Axis a) const { return axis[size_t(a)]; }
  AxisMask& operator[](Axis a) { return axis[size_t(a)]; }
};

// One of three ways to run a size:
//   full    the untouched model
//   narrow  on narrowed views of the weights: costs what a small model costs
//   masked  on full weights with masks and scales (docs/nesting.md): for sizes that are undecided, and as the
//   definition
//           that narrow is tested against
// Immutable; cheap to copy.
class SizeContext {
 public:
  static SizeContext full() { return {}; }
  static SizeContext narrow(Widths widths);
  static SizeContext masked(const ModelSpec& spec, const Widths& widths, torch::ScalarType dtype = torch::kFloat);
  static SizeContext soft(AxisMask hidden, std::vector<BlockMasks> blocks);  // one entry per block

  const Widths* widths() const { return widths_ ? &*widths_ : nullptr; }  // nullptr unless narrow
  const AxisMask& hidden() const { return hidden_; }
  const BlockMasks& masks(int block) const;  // without any mask unless masked
  bool keeps(int block) const { return !widths_ || widths_->blocks[size_t(block)].kept; }

 private:
  std::optional<Widths> widths_;
  AxisMask hidden_;
  std::vector<BlockMasks> blocks_;
};

}  // namespace starnest::train
