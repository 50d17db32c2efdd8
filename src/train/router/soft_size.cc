#include "train/router/soft_size.h"

#include <array>
#include <cmath>

#include "base/check.h"

namespace starnest::train {
namespace {

// Expected widths, where there are choices.
class ExpectedWidths {
 public:
  ExpectedWidths(const Choices& choices, const ModelSpec& spec, const Probabilities& pi) : blocks_(spec.blocks.size()) {
    for (size_t list = 0; list < choices.axes.size(); ++list) {
      const AxisChoices& options = choices.axes[list];
      const std::vector<double> values(options.widths.begin(), options.widths.end());
      const Tensor width = (pi[list].to(torch::kDouble) * torch::tensor(values, torch::kDouble)).sum();
      if (options.axis == Axis::hidden) hidden_ = width;
      for (size_t b = 0; b < blocks_.size(); ++b)
        if (options.is_of(b)) blocks_[b][size_t(options.axis)] = width;
    }
  }

  // `block`: of a tensor; -1 for one outside the blocks.
  Tensor of(const Segment& segment, int block) const {
    return of(segment.unit_axis, segment.units, block) * of(segment.channel_axis, segment.channels, block);
  }

 private:
  Tensor of(Axis axis, int full, int block) const {
    const Tensor known = axis == Axis::none     ? Tensor()
                         : axis == Axis::hidden ? hidden_
                         : block < 0            ? Tensor()
                                                : blocks_[size_t(block)][size_t(axis)];
    return known.defined() ? known : torch::scalar_tensor(double(full), torch::kDouble);
  }

  Tensor hidden_;
  std::vector<std::array<Tensor, kAxes>> blocks_;
};

// Probability that each block is kept; undefined where it always is.
std::vector<Tensor> gates(const Choices& choices, const ModelSpec& spec, const Tensor& pi) {
  std::vector<Tensor> gates(spec.blocks.size());
  for (int j = 0; j < choices.dropped.back(); ++j) {
    Tensor kept = torch::zeros({}, pi.options().requires_grad(false));
    for (size_t i = 0; i < choices.dropped.size(); ++i)
      if (choices.dropped[i] <= j) kept = kept + pi[int64_t(i)];
    gates[size_t(choices.drop_order[size_t(j)])] = kept;
  }
  return gates;
}

Tensor expected_extent(const Dimension& dimension, const ExpectedWidths& expected, int block) {
  Tensor sum = torch::zeros({}, torch::kDouble);
  for (const Segment& segment : dimension) sum = sum + expected.of(segment, block);
  return sum;
}

double bytes_per_element(Encoding encoding) {
  constexpr uint64_t kMany = 1 << 20;  // the two scales of a tensor then vanish
  return double(stored_bytes(encoding, kMany)) / double(kMany);
}

// What a sequence carries for a block. At most one dial shortens it, with its channels; it is linear in those.
Tensor expected_state_bytes(const BlockSpec& spec, const ExpectedWidths& expected, int block, double context) {
  const Dials dials = dials_of(spec);
  const BlockWidths full = full_widths(dials);
  const double all = state_cost_of(spec, full).bytes(context);
  for (const Dial& dial : dials) {
    BlockWidths without = full;
    without[dial.axis()] = 0;
    const double fixed = state_cost_of(spec, without).bytes(context);
    if (fixed < all) return fixed + (all - fixed) * (expected.of(dial.units, block) / double(dial.units.extent()));
  }
  return torch::scalar_tensor(all, torch::kDouble);
}

}  // namespace

SizeContext soft_context(const Choices& choices, const ModelSpec& spec, const Probabilities& pi) {
  const auto mask_of = [&](size_t list, const Dial& dial) {
    const std::vector<int>& widths = choices.axes[list].widths;
    AxisMask mask;
    const double full = widths.front();
    Tensor share;
    for (size_t i = 0; i < widths.size(); ++i) {
      const Tensor& p = pi[list][int64_t(i)];
      const auto add = [](Tensor& sum, const Tensor& term) { sum = sum.defined() ? sum + term : term; };
      add(mask.mask, p * prefix_mask(dial, widths[i], pi[list].scalar_type()));
      add(share, p * (widths[i] / full));
      add(mask.root, p * std::sqrt(widths[i] / full));
    }
    mask.share = share.detach();
    return mask;
  };
  AxisMask hidden;
  std::vector<BlockMasks> blocks(spec.blocks.size());
  const Widths full = full_widths(spec);
  for (size_t list = 0; list < choices.axes.size(); ++list) {
    const Axis axis = choices.axes[list].axis;
    if (choices.axes[list].widths.size() == 1) continue;
    if (axis == Axis::hidden) hidden = mask_of(list, dial_of(spec, -1, axis));
    for (size_t b = 0; b < blocks.size(); ++b) {
      if (axis == Axis::hidden)
        blocks[b][axis] = hidden;
      else if (choices.axes[list].is_of(b) && full.blocks[b][axis] != 0)
        blocks[b][axis] = mask_of(list, dial_of(spec, int(b), axis));
    }
  }
  const std::vector<Tensor> kept = gates(choices, spec, pi.back());
  for (size_t b = 0; b < blocks.size(); ++b) blocks[b].gate = kept[b];
  return SizeContext::soft(std::move(hidden), std::move(blocks));
}

Tensor expected_cost(const Choices& choices, const ModelSpec& spec, const Probabilities& pi, const CostMeasure& of) {
  const ExpectedWidths expected(choices, spec, pi);
  const std::vector<Tensor> kept = gates(choices, spec, pi.back().to(torch::kDouble));
  Tensor cost = torch::zeros({}, torch::kDouble);
  for (const TensorSpec& tensor : tensors_of(spec, Experts::stacked)) {
    const bool routed = tensor.use == Use::routed;
    Tensor elements = torch::ones({}, torch::kDouble);
    for (size_t d = 0; d < tensor.dims.size(); ++d)
      elements = elements * (routed && d == 0 && of.kind == CostKind::active_parameters
                                 ? torch::scalar_tensor(double(tensor.chosen), torch::kDouble)
                                 : expected_extent(tensor.dims[d], expected, tensor.block));
    if (of.kind == CostKind::bytes) elements = elements * bytes_per_element(published_as(of.format, spec)(tensor));
    if (tensor.block >= 0 && kept[size_t(tensor.block)].defined()) elements = elements * kept[size_t(tensor.block)];
    cost = cost + elements;
  }
  if (of.kind != CostKind::bytes || of.sequences == 0) return cost;
  for (size_t b = 0; b < spec.blocks.size(); ++b) {
    const Tensor bytes =
        double(of.sequences) * expected_state_bytes(spec.blocks[b], expected, int(b), double(of.context));
    cost = cost + (kept[b].defined() ? bytes * kept[b] : bytes);
  }
  return cost;
}

Tensor budget_loss(const Tensor& cost, double cap) {
  const Tensor c = cost / cap;
  return torch::relu(c - 1) + torch::relu(kLeastOfCap - c);
}

double exact_cost(const ModelSpec& spec, const Widths& widths, const CostMeasure& of) {
  return exact_cost(SizeCosts(spec, published_as(of.format, spec)), spec, widths, of);
}

double exact_cost(const SizeCosts& costs, const ModelSpec& spec, const Widths& widths, const CostMeasure& of) {
  const Cost cost = costs.of(widths);
  switch (of.kind) {
    case CostKind::parameters:
      return double(cost.parameters);
    case CostKind::active_parameters:
      return double(cost.active_parameters);
    case CostKind::bytes:
      return double(cost.bytes) + double(of.sequences) * state_cost_of(spec, widths).bytes(double(of.context));
  }
  check_failed("kind", "unknown kind of cost", __FILE__, __LINE__);
}

}  // namespace starnest::train
