//   y[t,:D] = table[ids[t], :D]        D = table.first(shells of t).cols()
//
// ids    [T]                 each in [0, table.rows())
// table  [V, D]              packed, f32 or bf16; all rows in its first shell
// y      [>= T, >= widest]   f32, rows may be strided; columns past a row's width are left alone
//
// Exact. Threads split tokens. Takes no scratch. Checked here: shapes, dtype and every id (abort): the caller rejects
// bad ids from outside before.
#pragma once

#include <span>

#include "base/dims.h"
#include "base/view.h"
#include "kernels/batch.h"
#include "kernels/exec.h"
#include "kernels/packed_matrix.h"

namespace starnest {

void embed(const Exec& exec, const Batch& batch, std::span<const TokenId> ids, const PackedMatrix& table,
           MatView<float> y);

}  // namespace starnest
