// Ops on single elements. Matrices are f32 [>= T, >= widest], rows may be strided; row t has as many columns as
// `widths` says for its shells, and what lies past them is left alone. Each element is computed alone, by the same
// operations wherever it lies. Threads split tokens. No scratch. Checked here: shapes (abort).
#pragma once

#include "base/view.h"
#include "kernels/batch.h"
#include "kernels/exec.h"

namespace starnest {

// y += x. x must not overlap y, unless it is y.
void add(const Exec& exec, const Batch& batch, ByShells widths, MatView<const float> x, MatView<float> y);

// y[t,:] += bias; bias [>= widest], or empty: adds nothing.
void add_bias(const Exec& exec, const Batch& batch, ByShells widths, VecView<const float> bias, MatView<float> y);

//   relu2: x <- max(x, 0)^2     silu: x <- x / (1 + exp(-x))
enum class Activation { relu2, silu };
void activate(const Exec& exec, const Batch& batch, ByShells widths, Activation activation, MatView<float> x);

// dt <- softplus(dt + bias); softplus(x) = x for x > 20, else log1p(exp(x)). bias [>= widest].
void softplus_add(const Exec& exec, const Batch& batch, ByShells widths, VecView<const float> bias, MatView<float> dt);

}  // namespace starnest
