// The plain loops that define kernels/matmul.h.
#pragma once

#include "core/base/view.h"
#include "kernels/matmul.h"
#include "kernels/weight.h"

namespace starnest::ref {

void matmul(MatView<const float> x, const WeightView& w, MatView<float> y, Store store = Store::overwrite);

}  // namespace starnest::ref
