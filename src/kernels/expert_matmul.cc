#include "kernels/expert_matmul.h"

#include "kernels/ops.h"

namespace starnest {

void expert_matmul(const Exec& exec, const Batch& batch, MatView<const float> x, ExpertInput input,
                   const ExpertGroups& groups, std::span<const PackedMatrix> experts, MatView<float> y) {
  SN_CHECK(groups.begin.size() == experts.size() + 1 && groups.slots.rows == batch.rows() &&
               groups.rows.size() <= y.rows &&
               x.rows >= (input == ExpertInput::tokens ? batch.rows() : groups.rows.size()),
           "expert_matmul: shapes do not fit");
  if (batch.rows() > 0) exec.device.ops().expert_matmul(exec, batch, x, input, groups, experts, y);
}

}  // namespace starnest
