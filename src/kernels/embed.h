//   y[t,:] = table[ids[t], :y.cols]
//
// ids    [T]         each in [0, table.rows())
// table  [V, >= D]   packed, f32 or bf16; all rows in its first shell
// y      [T, D]      f32, rows may be strided
//
// Exact. Threads split tokens. Takes no scratch. Checked here: shapes, dtype and every id (abort): the caller rejects
// bad ids from outside before.
#pragma once

#include <span>

#include "base/dims.h"
#include "base/view.h"
#include "kernels/exec.h"
#include "kernels/packed_matrix.h"

namespace starnest {

void embed(const Exec& exec, std::span<const TokenId> ids, const PackedMatrix& table, MatView<float> y);

}  // namespace starnest
