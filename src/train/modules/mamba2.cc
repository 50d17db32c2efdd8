#include "train/modules/mamba2.h"

#include "train/modules/causal_conv.h"
#include "train/modules/rms_norm.h"
#include "train/modules/ssm_scan.h"

namespace starnest::train {
namespace {

// x [R, T, M, P]
Tensor masked_heads(Tensor x, const BlockMasks& masks) {
  if (!masks[Axis::mamba_heads].full()) x = x * masks[Axis::mamba_heads].mask.unsqueeze(-1);
  if (!masks[Axis::mamba_head_dim].full()) x = x * masks[Axis::mamba_head_dim].mask;
  return x;
}

}  // namespace

Tensor mamba2(const Tensor& u, const Tensor& segments, const Mamba2Spec& dims, const BlockView& w, Observer* observer) {
  const int64_t inner = int64_t(dims.heads) * dims.head_dim, bc = int64_t(dims.groups) * dims.state;
  const auto p = torch::linear(u, w[Role::mamba_in], w.find(Role::mamba_in_bias))
                     .split_with_sizes({inner, inner + 2 * bc, dims.heads}, -1);  // z | x B C | dt
  if (observer) observer->mamba_input(w.block(), p[1].narrow(-1, 0, inner).unflatten(-1, {dims.heads, dims.head_dim}));
  const auto xBC = torch::silu(causal_conv(p[1], w[Role::conv_taps], w.find(Role::conv_bias), segments))
                       .split_with_sizes({inner, bc, bc}, -1);  // x | B | C
  const Tensor x = masked_heads(xBC[0].unflatten(-1, {dims.heads, dims.head_dim}), w.masks());
  const Tensor B = xBC[1].unflatten(-1, {dims.groups, dims.state});
  const Tensor C = xBC[2].unflatten(-1, {dims.groups, dims.state});
  const Tensor dt = torch::softplus(p[2] + w[Role::dt_bias]);
  const Tensor decay = -w[Role::decay_log].exp();
  const Tensor y = ssm_scan(x, dt, decay, B, C, {.segments = segments}) + x * w[Role::skip].unsqueeze(-1);
  const Tensor v = gated_norm(y.flatten(-2), p[0], w[Role::gated_norm], w.eps(), dims.groups,
                              w.masks()[Axis::mamba_heads], w.masks()[Axis::mamba_head_dim]);
  return torch::linear(v, w[Role::mamba_out], w.find(Role::mamba_out_bias));
}

}  // namespace starnest::train
