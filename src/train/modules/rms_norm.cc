#include "train/modules/rms_norm.h"

namespace starnest::train {
namespace {

Tensor unit_rms(const Tensor& x, const Tensor& eps) { return x * torch::rsqrt(x.square().mean(-1, true) + eps); }

}  // namespace

Tensor rms_norm(const Tensor& x, const Tensor& gain, double eps, const AxisMask& mask) {
  if (mask.full()) return x * torch::rsqrt(x.square().mean(-1, true) + eps) * gain;
  return unit_rms(x, mask.share * eps) * (gain * mask.root);
}

Tensor gated_norm(const Tensor& y, const Tensor& z, const Tensor& gain, double eps, int groups, const AxisMask& heads,
                  const AxisMask& channels) {
  const Tensor v = (y * torch::silu(z)).unflatten(-1, {groups, -1});
  Tensor scaled_eps = torch::scalar_tensor(eps, y.options());
  Tensor scaled_gain = gain;
  for (const AxisMask* mask : {&heads, &channels}) {
    if (mask->full()) continue;
    scaled_eps = scaled_eps * mask->share;
    scaled_gain = scaled_gain * mask->root;
  }
  return unit_rms(v, scaled_eps).flatten(-2) * scaled_gain;
}

}  // namespace starnest::train
