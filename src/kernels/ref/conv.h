// The plain loops that define kernels/conv.h.
#pragma once

#include "base/view.h"

namespace starnest::ref {

void causal_conv_silu(MatView<const float> x, MatView<const float> taps, VecView<const float> bias,
                      MatView<float> history, MatView<float> y);

}  // namespace starnest::ref
