#include "kernels/gated_norm.h"

#include "kernels/checks.h"
#include "kernels/ops.h"

namespace starnest {

void gated_norm(const Exec& exec, const Batch& batch, PiecesByShells pieces, MatView<const float> z,
                VecView<const float> gain, float eps, size_t groups, MatView<float> y) {
  SN_CHECK(z.rows >= batch.rows() && y.rows >= batch.rows() && groups > 0, "gated_norm: shapes do not fit");
  for (const RowSpan& span : batch.spans) {
    SN_CHECK(span.shells >= 1 && span.shells <= pieces.size(), "gated_norm: more shells than there are pieces for");
    for (const HeadPiece& piece : pieces[span.shells - 1])
      SN_CHECK(piece.begin + piece.count <= std::min({y.cols, z.cols, gain.size}), "gated_norm: piece out of range");
  }
  exec.device.ops().gated_norm(exec, batch, pieces, z, gain, eps, groups, y);
}

}  // namespace starnest
