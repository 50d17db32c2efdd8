// The plain loops that define kernels/matmul.h, kernels/expert_matmul.h and the layout of
// kernels/packed_matrix.h.
#pragma once

#include <span>

#include "base/view.h"
#include "kernels/matmul.h"

namespace starnest::ref {

// w[r,k], found through the shells and panels.
float element(const PackedMatrix& w, size_t r, size_t k);

// y[r] = sum_k x[k] w[r,k] for all rows and columns of w; x and y at least as long.
void row_times(const float* x, const PackedMatrix& w, float* y);

}  // namespace starnest::ref
