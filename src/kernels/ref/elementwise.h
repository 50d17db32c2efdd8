// The plain loops that define kernels/elementwise.h.
#pragma once

#include "base/view.h"
#include "kernels/elementwise.h"

namespace starnest::ref {

void add(MatView<const float> x, MatView<float> y);
void add_bias(VecView<const float> bias, MatView<float> y);
void activate(Activation activation, MatView<float> x);
void softplus_add(VecView<const float> bias, MatView<float> dt);

}  // namespace starnest::ref
