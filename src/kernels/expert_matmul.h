// Products of tokens with the experts they chose: every expert's weights are read once for all tokens that chose it.
// Slot i (groups.rows has one entry per slot) belongs to expert e with groups.begin[e] <= i < groups.begin[e + 1] and
// to token groups.rows[i], which uses n shells:
//   y[i,r] = sum_k x[row(i),k] w_e[r,k]     k < w_e.first(n).cols(), r < w_e.first(n).rows()
//
// x        f32, rows may be strided; [T, >= cols] with ExpertInput::tokens (row(i) is the token), [T*J, >= cols] with
//          ExpertInput::slots (row(i) = i)
// batch    the T tokens
// experts  packed; one that a size lacks adds nothing in the shells of that size, and none of its tokens may choose it
// y        [T*J, >= rows]  f32; columns past a row's own rows are left alone
//
// Numbers, bits and checks as in matmul.h. Threads split (expert, panel) pairs by their work.
#pragma once

#include <span>

#include "base/view.h"
#include "kernels/batch.h"
#include "kernels/exec.h"
#include "kernels/group.h"
#include "kernels/packed_matrix.h"

namespace starnest {

enum class ExpertInput { tokens, slots };

void expert_matmul(const Exec& exec, const Batch& batch, MatView<const float> x, ExpertInput input,
                   const ExpertGroups& groups, std::span<const PackedMatrix> experts, MatView<float> y);

}  // namespace starnest
