//   y[t,r] = sum_k x[t,k] w[r,k]              Store::overwrite
//   y[t,r] = y[t,r] + sum_k x[t,k] w[r,k]     Store::add
//
// x  [T, cols]  f32, rows may be strided
// w  [rows, cols]  f32 or bf16, rows may be strided; cols may be 0 (the sum is then 0)
// y  [T, rows]  f32, rows may be strided; must not overlap x or w
//
// Products and sums in f32, one order per output that depends on cols and the instruction set only: BF16 weights are
// expanded exactly, so they give the bits of the same numbers stored as f32. The stored sum is added to y last.
// Threads split rows or tokens; small products run on the calling thread. Takes no scratch.
// Checked here: shapes and dtype (abort). The caller ensures that nothing overlaps.
#pragma once

#include "core/base/view.h"
#include "kernels/exec.h"
#include "kernels/weight.h"

namespace starnest {

enum class Store { overwrite, add };

void matmul(const Exec& exec, MatView<const float> x, const WeightView& w, MatView<float> y,
            Store store = Store::overwrite);

}  // namespace starnest
