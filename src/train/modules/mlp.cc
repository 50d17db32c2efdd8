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

}  // namespace

Tensor mlp(const Tensor& u, const BlockView& w, Observer* observer) { return feed_forward(u, w, kDense, observer); }

Tensor shared_expert(const Tensor& u, const BlockView& w, Observer* observer) {
  return feed_forward(u, w, kShared, observer);
}

}  // namespace starnest::train
