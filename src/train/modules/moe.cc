#include "train/modules/moe.h"

#include "train/modules/mlp.h"
#include "train/modules/routing.h"

namespace starnest::train {
namespace {

// x [n, D] -> the weighted sum of the chosen experts [n, D].
Tensor routed_experts(const Tensor& x, const Routing& routing, const MoeSpec& dims, const BlockView& w,
                      Observer* observer) {
  const int64_t J = dims.experts_per_token;
  const ExpertOrder order = group_by_expert(routing.chosen, dims.experts);
  Tensor h = squared_relu(grouped_linear(dispatch(x, order, J), w[Role::expert_up], order));  // [n J, F]
  const AxisMask& mask = w.masks()[Axis::moe_ffn];
  if (!mask.full()) h = h * mask.mask;
  const Tensor y = grouped_linear(h, w[Role::expert_down], order);
  if (observer)
    observer->experts(w.block(),
                      {h, order.row_pair.floor_divide(J), routing.chosen.flatten().index_select(0, order.row_pair), y,
                       routing.weights.flatten().index_select(0, order.row_pair)});
  return (collect(y, order).unflatten(0, {-1, J}) * routing.weights.unsqueeze(-1)).sum(1);
}

}  // namespace

Tensor moe(const Tensor& u, const MoeSpec& dims, const BlockView& w, Observer* observer) {
  const Tensor x = u.flatten(0, 1);
  const Routing routing = route(x, w[Role::gate], w[Role::gate_bias], dims, w.masks()[Axis::experts]);
  if (observer) observer->routing(w.block(), routing);
  return routed_experts(x, routing, dims, w, observer).view_as(u) + shared_expert(u, w, observer);
}

}  // namespace starnest::train
