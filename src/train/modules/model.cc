#include "train/modules/model.h"

#include "train/modules/attention.h"
#include "train/modules/mamba2.h"
#include "train/modules/mlp.h"
#include "train/modules/moe.h"
#include "train/modules/narrow.h"
#include "train/modules/rms_norm.h"

namespace starnest::train {
namespace {

struct ForwardMixer {
  const Tensor& u;
  const Tensor& segments;
  const BlockView& weights;
  Observer* observer;

  Tensor operator()(const Mamba2Spec& dims) const { return mamba2(u, segments, dims, weights, observer); }
  Tensor operator()(const AttentionSpec& dims) const { return attention(u, segments, dims, weights, observer); }
  Tensor operator()(const MlpSpec&) const { return mlp(u, weights, observer); }
  Tensor operator()(const MoeSpec& dims) const { return moe(u, dims, weights, observer); }
};

// What a block adds to the residual stream.
Tensor block_output(const Tensor& x, const Tensor& segments, const BlockView& weights, const AxisMask& hidden,
                    Observer* observer) {
  const Tensor u = rms_norm(x, weights[Role::block_norm], weights.eps(), hidden);
  if (observer) observer->block_input(weights.block(), u);
  Tensor y = std::visit(ForwardMixer{u, segments, weights, observer}, weights.spec());
  if (!hidden.full()) y = y * hidden.mask;
  if (weights.masks().gate.defined()) y = y * weights.masks().gate;
  return y;
}

// A tensor that belongs to no block, at a size.
Tensor global(const Parameters& weights, Role role, const SizeContext& size) {
  const Parameter& parameter = weights.parameter(role);
  return size.widths() ? narrowed(parameter.value, parameter.spec.dims, size.widths()->global()) : parameter.value;
}

}  // namespace

Tensor hidden_states(const Parameters& weights, const Sequences& input, const SizeContext& size, Observer* observer) {
  Tensor x = torch::embedding(global(weights, Role::embedding, size), input.ids);
  if (!size.hidden().full()) x = x * size.hidden().mask;
  for (int b = 0; b < int(weights.spec().blocks.size()); ++b)
    if (size.keeps(b)) x = x + block_output(x, input.segments, BlockView(weights, size, b), size.hidden(), observer);
  return rms_norm(x, global(weights, Role::final_norm, size), double(weights.spec().norm_eps), size.hidden());
}

Tensor logits_of(const Parameters& weights, const Tensor& hidden, const SizeContext& size) {
  const Role head = weights.spec().tied_head ? Role::embedding : Role::head;
  return torch::linear(hidden, global(weights, head, size));
}

Tensor logits(const Parameters& weights, const Sequences& input, const SizeContext& size, Observer* observer) {
  return logits_of(weights, hidden_states(weights, input, size, observer), size);
}

}  // namespace starnest::train
