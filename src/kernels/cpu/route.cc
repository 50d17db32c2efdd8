#include "kernels/route.h"

#include "kernels/cpu/grain.h"
#include "kernels/ref/route.h"

namespace starnest {

void route(const Exec& exec, MatView<const float> logits, VecView<const float> bias, const RouteParams& params,
           MatView<int32_t> ids, MatView<float> weights) {
  const size_t T = logits.rows, E = logits.cols, J = params.experts_per_token;
  SN_CHECK(ids.rows == T && weights.rows == T && ids.cols == J && weights.cols == J,
           "route: ids or weights not [T, J]");
  SN_CHECK(bias.size == 0 || bias.size == E, "route: one bias per expert");
  SN_CHECK(params.groups >= 1 && E % params.groups == 0, "route: experts do not divide into groups");
  SN_CHECK(params.groups_kept >= 1 && params.groups_kept <= params.groups, "route: groups kept out of range");
  SN_CHECK(J >= 1 && J <= E / params.groups * params.groups_kept, "route: fewer experts than each token needs");
  const ScratchScope scope(exec.arena);
  const MatView<float> scratch = exec.arena.matrix(T, E + params.groups);
  exec.pool.parallel_for(T, grain_of(E * (kExpWork + J)), [&](size_t begin, size_t end) {
    for (size_t t = begin; t < end; ++t)
      ref::route_token({logits.row(t), E}, bias, params, {scratch.row(t), scratch.cols}, ids.row(t), weights.row(t));
  });
}

}  // namespace starnest
