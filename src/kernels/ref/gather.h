// The plain loops that define kernels/gather.h.
#pragma once

#include <cstdint>
#include <span>

#include "base/view.h"

namespace starnest::ref {

void gather_add(MatView<const float> x, MatView<const int32_t> slots, MatView<const float> weights, MatView<float> y);

}  // namespace starnest::ref
