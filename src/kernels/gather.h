// What a token's experts gave, back to the token:
//   y[t] += sum_j weights[t,j] * x[slots[t,j]]      j ascending; each product is rounded, then added
//
// x        [S, >= D]  f32, rows may be strided
// slots    [T, J]     row numbers of x (kernels/group.h)
// weights  [T, J]     f32
// y        [T, D]     f32, rows may be strided; must not overlap x
//
// Threads split tokens. No scratch. Checked here: shapes and every row number (abort).
#pragma once

#include <cstdint>

#include "base/view.h"
#include "kernels/exec.h"

namespace starnest {

void gather_add(const Exec& exec, MatView<const float> x, MatView<const int32_t> slots, MatView<const float> weights,
                MatView<float> y);

}  // namespace starnest
