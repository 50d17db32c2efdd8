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
  const Tensor rows = dispatch(x, order, J).unflatten(0, {dims.experts, -1});  // [E, capacity, D]
  Tensor h = squared_relu(torch::bmm(rows, w[Role::expert_up].transpose(1, 2)));
  const AxisMask& mask = w.masks()[Axis::moe_ffn];
  if (!mask.full()) h = h * mask.mask;
  const Tensor y = torch::bmm(h, w[Role::expert_down].transpose(1, 2)).flatten(0, 1);
  if (observer) {
    const Tensor used = order.row_pair < x.size(0) * J, pair = order.row_pair.masked_fill(~used, 0);
    observer->experts(w.block(), {h.flatten(0, 1), pair.floor_divide(J), used, y,
                                  routing.weights.flatten().index_select(0, pair) * used});
  }
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
