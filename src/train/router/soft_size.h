// A size that is not decided yet: probabilities of choices as masks, and what such a size is expected to cost.
#pragma once

#include <vector>

#include "arch/cost.h"
#include "train/modules/size_context.h"
#include "train/router/choices.h"

namespace starnest::train {

// Probabilities: one tensor [count] per list of the choices, each summing to 1.
using Probabilities = std::vector<Tensor>;

// Masks m = sum_i pi_i prefix(C_i) and the scales of norms (size_context.h). A block is multiplied by the probability
// that it is kept. Gradients flow to the probabilities, except through the eps of norms.
SizeContext soft_context(const Choices& choices, const ModelSpec& spec, const Probabilities& pi);

enum class CostKind { parameters, active_parameters, bytes };

// What a cost counts. Bytes are those of a checkpoint and of what `sequences` of `context` tokens each carry
// (StateCost, arch/cost.h).
struct CostMeasure {
  CostMeasure(CostKind counted, Encoding stored = Encoding::bf16) : kind(counted), format(stored) {}

  CostKind kind;
  Encoding format;
  uint64_t sequences = 0, context = 0;
};

// The cost of the model whose every width is its expectation sum_i pi_i C_i: exact for one-hot probabilities, where it
// equals exact_cost (but for the few scales of quantised tensors). A scalar with gradient.
Tensor expected_cost(const Choices& choices, const ModelSpec& spec, const Probabilities& pi, const CostMeasure& of);

// A size costs at least this part of its cap, and at most the whole; where none does, at most the other part.
inline constexpr double kLeastOfCap = 0.95, kMostOfCap = 1.05;

// How far a cost is from a budget that is a cap: max(0, c - 1) + max(0, kLeastOfCap - c) with c = cost / cap.
Tensor budget_loss(const Tensor& cost, double cap);

// The cost of a size that is decided (cost_of and state_cost_of, arch/cost.h).
double exact_cost(const ModelSpec& spec, const Widths& widths, const CostMeasure& of);
// The same with `costs` of this model in this format: for many sizes.
double exact_cost(const SizeCosts& costs, const ModelSpec& spec, const Widths& widths, const CostMeasure& of);

}  // namespace starnest::train
