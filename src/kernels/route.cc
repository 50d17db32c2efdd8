#include "kernels/route.h"

#include "kernels/checks.h"
#include "kernels/ops.h"

namespace starnest {

void route(const Exec& exec, const Batch& batch, ByShells experts, MatView<const float> logits,
           VecView<const float> bias, const RouteParams& params, MatView<int32_t> ids, MatView<float> weights) {
  const size_t T = batch.rows(), J = params.experts_per_token;
  SN_CHECK(ids.rows >= T && weights.rows >= T && ids.cols == J && weights.cols == J,
           "route: ids or weights not [T, J]");
  SN_CHECK(fits(batch, experts, logits), "route: logits not [T, E]");
  SN_CHECK(bias.size == 0 || fits(batch, experts, bias.size), "route: one bias per expert");
  SN_CHECK(params.groups >= 1 && params.groups_kept >= 1 && params.groups_kept <= params.groups,
           "route: groups kept out of range");
  for (const RowSpan& span : batch.spans) {
    const size_t E = experts[span.shells - 1];
    SN_CHECK(E % params.groups == 0, "route: experts do not divide into groups");
    SN_CHECK(J >= 1 && J <= E / params.groups * params.groups_kept, "route: fewer experts than each token needs");
  }
  exec.device.ops().route(exec, batch, experts, logits, bias, params, ids, weights);
}

}  // namespace starnest
