#include "kernels/rms_norm.h"

#include "kernels/checks.h"
#include "kernels/ops.h"

namespace starnest {

void rms_norm(const Exec& exec, const Batch& batch, ByShells widths, MatView<const float> x, VecView<const float> gain,
              float eps, MatView<float> y) {
  SN_CHECK(fits(batch, widths, x) && fits(batch, widths, y) && fits(batch, widths, gain.size),
           "rms_norm: shapes do not fit");
  exec.device.ops().rms_norm(exec, batch, widths, x, gain, eps, y);
}

}  // namespace starnest
