// Tokens to their experts and back.
//
// Matrices are f32, rows may be strided; x and y have equal widths and must not overlap.
// Threads split i. No scratch. Checked here: shapes and every row number (abort). The caller ensures that `rows` are
// distinct for scatter_add.
#pragma once

#include <cstdint>
#include <span>

#include "core/base/view.h"
#include "kernels/exec.h"

namespace starnest {

// y[i] = x[rows[i]]
void gather_rows(const Exec& exec, MatView<const float> x, std::span<const int32_t> rows, MatView<float> y);

// y[rows[i]] += weights[i] * x[i]; the product is rounded, then the sum.
void scatter_add(const Exec& exec, MatView<const float> x, std::span<const int32_t> rows,
                 std::span<const float> weights, MatView<float> y);

// y[t] += sum_j weights[t,j] * x[slots[t,j]], j ascending, each product rounded, then added. slots and weights [T, J];
// x may have more columns than y.
void gather_add(const Exec& exec, MatView<const float> x, MatView<const int32_t> slots, MatView<const float> weights,
                MatView<float> y);

}  // namespace starnest
