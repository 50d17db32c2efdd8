// Products of a batch with shared weights: row t, which uses n shells, is multiplied with the first n
// shells.
//   y[t,r] = scale sum_k x[t,k] w[r,k]     k < w.first(n).cols(), r < w.first(n).rows()
//
// x      [>= T, >= cols]  f32, rows may be strided; columns past a row's own width are never read into a result
// batch  its rows are the first of x; shells at most w.shells.size()
// w      packed, f32, bf16, fp8 or nvfp4 (kernels/packed_matrix.h); cols may be 0 (the sum is then 0)
// y      [>= T, >= rows]  f32, rows may be strided; columns past a row's own rows are left alone; overlaps nothing
//
// Several products that read the same x are given together: x is packed once and one region of threads serves all.
//
// Sums in f32, one accumulator per output, contraction ascending or in w.sum_order (pairs on "avx512bf16").
//   f32, bf16, fp8  expanded exactly; scale x stays f32, but on "avx512bf16" it is rounded to BF16 (nearest even) for
//                   bf16 and fp8
//   nvfp4           on the CPU x becomes int8: per token and block of 16 columns q = round(127 x / max |x|). The sum
//   over
//                   a block is exact, and one fused multiply-add per block gives sum += (block sum times block scale)
//                   times (max |x| / 127 times scale). On Gaussian x that costs a relative squared error of 2e-5;
//                   below 2^-100 a block counts as zero, and a NaN or infinity makes its block NaN. The plain loops
//                   ("ref") leave x as it is
// So an output's bits depend on its own row of x, its weights, their type and the instruction set only. Threads split
// panels. Takes scratch and gives it back. Checked here: shapes and encoding (abort).
#pragma once

#include <span>

#include "base/view.h"
#include "kernels/batch.h"
#include "kernels/exec.h"
#include "kernels/packed_matrix.h"

namespace starnest {

struct Product {
  PackedMatrix w;
  MatView<float> y;
};

void matmul(const Exec& exec, const Batch& batch, MatView<const float> x, std::span<const Product> products);

}  // namespace starnest
