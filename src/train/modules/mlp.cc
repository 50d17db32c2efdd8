#include "train/modules/mlp.h"

namespace starnest::train {
namespace {

struct Roles {
  Role up, up_bias, down, down_bias;
  Axis axis;
};
constexpr Roles kDense{Role::up, Role::up_bias, Role::down, Role::down_bias, Axis::ffn};
constexpr Roles kShared{Role::shared_up, Role::shared_up_bias, Role::shared_down, Role::shared_down_bias,
                        Axis::shared_ffn};

Tensor feed_forward(const Tensor& u, const BlockView& w, const Roles& roles, Observer* observer) {
  Tensor h = squared_relu(torch::linear(u, w[roles.up], w.find(roles.up_bias)));
  const AxisMask& mask = w.masks()[roles.axis];
  if (!mask.full()) h = h * mask.mask;
  if (observer) observer->ffn(w.block(), roles.axis, h);
  return torch::linear(h, w[roles.down], w.find(roles.down_bias));
}

// As one operation it saves one tensor and half of the passes over memory.
struct SquaredRelu : torch::autograd::Function<SquaredRelu> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x) {
    const Tensor positive = x.clamp_min(0);
    context->save_for_backward({positive});
    return positive.square();
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    return {torch::mul(gradients[0], context->get_saved_variables()[0]).mul_(2)};
  }
};

}  // namespace

Tensor squared_relu(const Tensor& x) { return SquaredRelu::apply(x); }

Tensor mlp(const Tensor& u, const BlockView& w, Observer* observer) { return feed_forward(u, w, kDense, observer); }

Tensor shared_expert(const Tensor& u, const BlockView& w, Observer* observer) {
  return feed_forward(u, w, kShared, observer);
}

}  // namespace starnest::train
