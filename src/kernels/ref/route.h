// The plain loops that define kernels/route.h.
#pragma once

#include <cstdint>

#include "base/view.h"
#include "kernels/route.h"

namespace starnest::ref {

void route(MatView<const float> logits, VecView<const float> bias, const RouteParams& params, MatView<int32_t> ids,
           MatView<float> weights);

// One token: ids[J] and weights[J] from logits[E]. `scratch` holds E + groups numbers.
void route_token(VecView<const float> logits, VecView<const float> bias, const RouteParams& params,
                 VecView<float> scratch, int32_t* ids, float* weights);

}  // namespace starnest::ref
