#include "train/modules/attention.h"

#include <limits>
#include <optional>

namespace starnest::train {
namespace {

constexpr double kUnseen = -std::numeric_limits<double>::infinity();

// [R, T, heads * Q] -> [R, heads, T, Q]
Tensor split_heads(const Tensor& x, int64_t heads) { return x.unflatten(-1, {heads, -1}).transpose(1, 2); }

// [R, K, T, Q] -> [R, K * times, T, Q], each head repeated in place
Tensor repeat_heads(const Tensor& x, int64_t times) {
  if (times == 1) return x;
  return x.unsqueeze(2).expand({-1, -1, times, -1, -1}).flatten(1, 2);
}

// Up to here the scores fit into the cache and the written-out form is faster than LibTorch's flash attention.
constexpr int64_t kLongest = 256;

// softmax(scale q k^T) v, where `seen` is true. q [R, H, T, Q]; k and v [R, K, T, Q]; seen [T, T] or [R, 1, T, T].
Tensor written_out(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& seen, double scale) {
  const int64_t R = q.size(0), H = q.size(1), T = q.size(2), K = k.size(1);
  // The query heads of a KV head are rows of one product.
  const Tensor scores = torch::matmul((q * scale).reshape({R, K, H / K * T, -1}), k.transpose(-1, -2));
  const Tensor weights = scores.view({R, H, T, T}).masked_fill(~seen, kUnseen).softmax(-1);
  return torch::matmul(weights.view({R, K, H / K * T, T}), v).view({R, H, T, -1});
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
  const Tensor k = split_heads(torch::linear(u, w[Role::key]), dims.kv_heads);
  const Tensor v = split_heads(torch::linear(u, w[Role::value]), dims.kv_heads);
  std::optional<Tensor> seen;
  if (segments.defined()) seen = seen_tokens(segments);
  Tensor y;
  if (const int64_t T = u.size(1); T <= kLongest)
    y = written_out(q, k, v, seen.value_or(torch::ones({T, T}, torch::kBool).tril()), double(dims.scale));
  else
    y = at::scaled_dot_product_attention(q, repeat_heads(k, shared_by), repeat_heads(v, shared_by), seen,
                                         /*dropout_p=*/0.0, /*is_causal=*/!seen, double(dims.scale));
  const AxisMask& heads = w.masks()[Axis::query_heads];
  if (!heads.full()) y = y * heads.mask.view({-1, 1, 1});
  y = y.transpose(1, 2);
  if (observer) observer->attention_heads(w.block(), y);
  return torch::linear(y.flatten(-2), w[Role::attention_out]);
}

}  // namespace starnest::train
