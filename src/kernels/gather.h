// What a token's experts gave, back to the token:
//   y[t] += sum_j weights[t,j] * x[slots[t,j]]      j ascending; each product is rounded, then added
//
// x        [S, >= widest]  f32, rows may be strided
// slots    [T, J]     row numbers of x (kernels/group.h)
// weights  [T, J]     f32
// widths   by shells: the columns of a token
// y        [>= T, >= widest]  f32, rows may be strided; must not overlap x
//
// Threads split tokens. No scratch. Checked here: shapes (abort); the CPU checks every row number too.
#pragma once

#include <cstdint>
#include <span>

#include "base/view.h"
#include "kernels/batch.h"
#include "kernels/exec.h"

namespace starnest {

void gather_add(const Exec& exec, const Batch& batch, ByShells widths, MatView<const float> x,
                MatView<const int32_t> slots, MatView<const float> weights, MatView<float> y);

// y[t] = x[rows[t]], as wide as the shells of t say. x and y as above; rows [T], each below x.rows (checked: abort).
void take_rows(const Exec& exec, const Batch& batch, ByShells widths, MatView<const float> x,
               std::span<const size_t> rows, MatView<float> y);

}  // namespace starnest
