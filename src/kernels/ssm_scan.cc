#include "kernels/ssm_scan.h"

#include "kernels/checks.h"
#include "kernels/ops.h"

namespace starnest {

void ssm_scan(const Exec& exec, const Batch& batch, const SsmInputs& in, MatView<float> y) {
  const size_t T = batch.rows(), width = in.groups * in.state;
  SN_CHECK(fits(batch, in.channels, in.x) && fits(batch, in.channels, y), "ssm_scan: x or y is not [T, channels]");
  SN_CHECK(fits(batch, in.heads, in.dt) && fits(batch, in.heads, in.decay.size) && fits(batch, in.heads, in.skip.size),
           "ssm_scan: dt, decay, skip do not fit");
  SN_CHECK(in.groups > 0 && in.b.rows >= T && in.c.rows >= T && in.b.cols == width && in.c.cols == width,
           "ssm_scan: b or c is not [T, G*N]");
  SN_CHECK(runs_cover(batch) && in.states.size() >= batch.shells() && in.pieces.size() >= batch.shells(),
           "ssm_scan: not a state for every row");
  for (const RowSpan& span : batch.spans)
    for (const HeadPiece& piece : in.pieces[span.shells - 1])
      SN_CHECK(piece.head < in.heads[span.shells - 1] && piece.begin + piece.count <= in.channels[span.shells - 1],
               "ssm_scan: piece out of range");
  exec.device.ops().ssm_scan(exec, batch, in, y);
}

}  // namespace starnest
