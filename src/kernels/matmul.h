// Products of a ragged batch with shared weights: row t, whose span uses n shells, is multiplied with the first n
// shells.
//   y[t,r] = sum_k x[t,k] w[r,k]     k < w.first(n).cols(), r < w.first(n).rows()
//
// x      [>= T, >= cols]  f32, rows may be strided; columns past a row's own width are never read into a result
// spans  cover the first T rows in order, `shells` never grows (kernels/ragged.h); at most w.shells.size()
// w      packed, f32 or bf16 (kernels/packed_matrix.h); cols may be 0 (the sum is then 0)
// y      [>= T, >= rows]  f32, rows may be strided; columns past a row's own rows are left alone; overlaps nothing
//
// Several products that read the same x are given together: x is packed once and one region of threads serves all.
//
// Sums in f32, one accumulator per output, contraction ascending or in w.sum_order (pairs on "avx512bf16"). BF16
// weights on "avx512bf16" meet x rounded to BF16 (nearest even); elsewhere they are expanded exactly and x stays f32.
// So an output's bits depend on its own row of x, its weights, their type and the instruction set only. Threads split
// panels. Takes scratch and gives it back. Checked here: shapes and dtype (abort).
#pragma once

#include <span>

#include "base/view.h"
#include "kernels/exec.h"
#include "kernels/packed_matrix.h"
#include "kernels/ragged.h"

namespace starnest {

struct Product {
  PackedMatrix w;
  MatView<float> y;
};

void matmul(const Exec& exec, MatView<const float> x, std::span<const RowSpan> spans,
            std::span<const Product> products);

}  // namespace starnest
