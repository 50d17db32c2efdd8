#include "train/importance/rotation.h"

#include "base/check.h"
#include "starnest/error.h"

namespace starnest::train {
namespace {

bool is_norm_of_residual(Role role) { return role == Role::block_norm || role == Role::final_norm; }

// Whether a dimension counts residual channels.
bool is_residual(const Dimension& dimension) {
  return dimension.size() == 1 && (dimension[0].unit_axis == Axis::hidden || dimension[0].channel_axis == Axis::hidden);
}

bool reads_residual(const TensorSpec& spec) {
  return spec.role != Role::embedding && spec.dims.size() == 2 && is_residual(spec.dims.back());
}

}  // namespace

Parameters with_unit_norms(const Parameters& weights) {
  if (weights.spec().tied_head)
    throw Error(
        {.where = "--rotate",
         .what = "needs a head of its own: one that is the embedding table cannot take the final norm's weights"});
  Parameters out = weights.clone();
  for (const Parameter& target : per_expert(out)) {
    if (is_norm_of_residual(target.spec.role)) target.value.fill_(1);
    if (!reads_residual(target.spec)) continue;
    const Role norm = target.spec.block < 0 ? Role::final_norm : Role::block_norm;
    target.value.mul_(weights(norm, target.spec.block).detach());
  }
  return out;
}

void ResidualMoments::block_input(int, const Tensor& normed) {
  const Tensor counted = normed.detach().flatten(0, 1).to(torch::kDouble) * mask_.flatten().unsqueeze(-1);
  sum_ += counted.t().mm(counted);
}

Tensor ResidualMoments::axes() const { return std::get<1>(torch::linalg_eigh(sum_)).flip({1}); }

Parameters rotated(const Parameters& weights, const Tensor& axes) {
  Parameters out = weights.clone();
  for (const Parameter& target : per_expert(out)) {
    if (is_norm_of_residual(target.spec.role)) {
      SN_CHECK(target.value.eq(1).all().item<bool>(), "a rotation needs unit norms");
      continue;
    }
    for (size_t d = 0; d < target.spec.dims.size(); ++d) {
      if (!is_residual(target.spec.dims[d])) continue;
      const Tensor last = target.value.to(torch::kDouble).transpose(int64_t(d), -1);
      target.value.copy_(last.matmul(axes).transpose(int64_t(d), -1));
    }
  }
  return out;
}

}  // namespace starnest::train
