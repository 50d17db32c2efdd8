// Ops on single elements. All matrices are f32 [T, D], rows may be strided. Each element is computed alone, by the same
// operations wherever it lies. Threads split tokens. No scratch. Checked here: shapes (abort).
#pragma once

#include "base/view.h"
#include "kernels/exec.h"

namespace starnest {

// y += x. x must not overlap y, unless it is y.
void add(const Exec& exec, MatView<const float> x, MatView<float> y);

// y[t,:] += bias; bias [D].
void add_bias(const Exec& exec, VecView<const float> bias, MatView<float> y);

//   relu2: x <- max(x, 0)^2     silu: x <- x / (1 + exp(-x))
enum class Activation { relu2, silu };
void activate(const Exec& exec, Activation activation, MatView<float> x);

// dt <- softplus(dt + bias); softplus(x) = x for x > 20, else log1p(exp(x)). dt [T, M], bias [M].
void softplus_add(const Exec& exec, VecView<const float> bias, MatView<float> dt);

}  // namespace starnest
