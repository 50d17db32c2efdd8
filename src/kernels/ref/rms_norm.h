// The plain loops that define kernels/rms_norm.h.
#pragma once

#include "base/view.h"

namespace starnest::ref {

void rms_norm(MatView<const float> x, VecView<const float> gain, float eps, MatView<float> y);

}  // namespace starnest::ref
