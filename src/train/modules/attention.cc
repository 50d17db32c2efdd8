#include "train/modules/attention.h"

namespace starnest::train {
namespace {

// [R, T, heads * Q] -> [R, heads, T, Q]
Tensor split_heads(const Tensor& x, int64_t heads) { return x.unflatten(-1, {heads, -1}).transpose(1, 2); }

// [R, K, T, Q] -> [R, K * times, T, Q], each head repeated in place
Tensor repeat_heads(const Tensor& x, int64_t times) {
  if (times == 1) return x;
  return x.unsqueeze(2).expand({-1, -1, times, -1, -1}).flatten(1, 2);
}

// [R, 1, T, T]: whether token i sees token j.
Tensor seen_tokens(const Tensor& segments) {
  return segments.unsqueeze(2).eq(segments.unsqueeze(1)).tril().unsqueeze(1);
}

}  // namespace

Tensor attention(const Tensor& u, const Tensor& segments, const AttentionSpec& dims, const BlockView& w,
                 Observer* observer) {
  const int64_t shared_by = dims.query_heads / dims.kv_heads;
  const Tensor q = split_heads(torch::linear(u, w[Role::query]), dims.query_heads);
  const Tensor k = repeat_heads(split_heads(torch::linear(u, w[Role::key]), dims.kv_heads), shared_by);
  const Tensor v = repeat_heads(split_heads(torch::linear(u, w[Role::value]), dims.kv_heads), shared_by);
  const auto seen = segments.defined() ? std::optional(seen_tokens(segments)) : std::nullopt;
  Tensor y =
      at::scaled_dot_product_attention(q, k, v, seen, /*dropout_p=*/0.0, /*is_causal=*/!seen, double(dims.scale));
  const AxisMask& heads = w.masks()[Axis::query_heads];
  if (!heads.full()) y = y * heads.mask.view({-1, 1, 1});
  y = y.transpose(1, 2);
  if (observer) observer->attention_heads(w.block(), y);
  return torch::linear(y.flatten(-2), w[Role::attention_out]);
}

}  // namespace starnest::train
