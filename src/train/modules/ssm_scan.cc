#include "train/modules/ssm_scan.h"

#include <limits>
#include <vector>

#include "base/check.h"

namespace starnest::train {
namespace {

// [R, T, ...] -> [R, chunks, chunk, ...], the tail padded with zeros (dt = 0 and x = 0 leave the state alone).
Tensor in_chunks(const Tensor& x, int64_t chunk) {
  const int64_t T = x.size(1), missing = (chunk - T % chunk) % chunk;
  Tensor padded = x;
  if (missing != 0) {
    std::vector<int64_t> shape = x.sizes().vec();
    shape[1] = missing;
    padded = torch::cat({x, torch::zeros(shape, x.options())}, 1);
  }
  return padded.unflatten(1, {-1, chunk});
}

// State that enters each chunk: S_0 = 0, S_{k+1} = kept_k S_k + added_k.
// added [R, chunks, G, H, P, N], kept [R, chunks, G, H, 1].
Tensor entering_states(const Tensor& added, const Tensor& kept) {
  std::vector<Tensor> states{torch::zeros_like(added.select(1, 0))};
  const Tensor keep = kept.unsqueeze(-1);
  for (int64_t k = 0; k + 1 < added.size(1); ++k)
    states.push_back(keep.select(1, k) * states.back() + added.select(1, k));
  return torch::stack(states, 1);
}

// Which ways through the chunks stay inside one segment, as factors 0 and 1.
struct SegmentPaths {
  Tensor between;              // [R, chunks, 1, 1, L, L] bool: from token j to token i of a chunk
  Tensor from_entry, to_exit;  // [R, chunks, 1, 1, L]: from the end of the chunk before to a token, from a token to the
                               // end of its chunk
  Tensor through;              // [R, chunks, 1, 1, 1]: from the end of the chunk before to the end of this one

  SegmentPaths(const Tensor& segments, int64_t chunk, torch::ScalarType dtype) {
    const Tensor s = in_chunks(segments, chunk), last = s.slice(2, chunk - 1, chunk);  // [R, chunks, L], [R, chunks, 1]
    const Tensor before =
        torch::cat({torch::full_like(last.narrow(1, 0, 1), -1), last.narrow(1, 0, last.size(1) - 1)}, 1);
    const auto factor = [&](const Tensor& same) { return same.unsqueeze(2).unsqueeze(2).to(dtype); };
    between = s.unsqueeze(-1).eq(s.unsqueeze(-2)).unsqueeze(2).unsqueeze(2);
    from_entry = factor(s.eq(before));
    to_exit = factor(s.eq(last));
    through = factor(last.eq(before));
  }
};

}  // namespace

Tensor ssm_scan(const Tensor& x, const Tensor& dt, const Tensor& decay, const Tensor& B, const Tensor& C,
                const ScanOptions& options) {
  SN_CHECK(options.chunk >= 1 && x.dim() == 4 && B.dim() == 4, "x is [R, T, M, P], B and C are [R, T, G, N]");
  const int64_t T = x.size(1), G = B.size(2), heads = x.size(2) / G, L = std::min(options.chunk, T);
  // Per chunk, heads of a group together: [R, chunks, G, heads, L, .]; B and C [R, chunks, G, L, N].
  const Tensor dt_c = in_chunks(dt, L).unflatten(-1, {G, heads}).permute({0, 1, 3, 4, 2});
  const Tensor u = in_chunks(x * dt.unsqueeze(-1), L).unflatten(3, {G, heads}).permute({0, 1, 3, 4, 2, 5});
  const Tensor B_c = in_chunks(B, L).transpose(2, 3);
  const Tensor C_c = in_chunks(C, L).transpose(2, 3);
  const Tensor c = (dt_c * decay.view({G, heads, 1})).cumsum(-1);

  std::optional<SegmentPaths> paths;
  if (options.segments.defined()) paths.emplace(options.segments, L, x.scalar_type());
  Tensor unseen = torch::ones({L, L}, torch::dtype(torch::kBool)).triu(1);  // the future and other segments
  if (paths) unseen = unseen | ~paths->between;
  const Tensor passed = (c.unsqueeze(-1) - c.unsqueeze(-2))
                            .masked_fill(unseen, -std::numeric_limits<double>::infinity())
                            .exp();                             // exp(c_i - c_j), j <= i
  const Tensor CB = torch::matmul(C_c, B_c.transpose(-1, -2));  // C_i . B_j
  Tensor y = torch::matmul(passed * CB.unsqueeze(3), u);
  if (y.size(1) > 1) {
    const Tensor total = c.slice(-1, L - 1, L);  // [.., heads, 1]
    Tensor kept = total.exp(), fading = (total - c).exp(), arriving = c.exp();
    if (paths) kept = kept * paths->through, fading = fading * paths->to_exit, arriving = arriving * paths->from_entry;
    // The heads of a group are rows of one product with its B and C.
    const int64_t P = x.size(3);
    const Tensor added = torch::matmul((u * fading.unsqueeze(-1)).transpose(-1, -2).flatten(3, 4), B_c);
    const Tensor entering = entering_states(added.unflatten(3, {heads, P}), kept);  // [.., heads, P, N]
    const Tensor carried = torch::matmul(entering.flatten(3, 4), C_c.transpose(-1, -2)).unflatten(3, {heads, P});
    y = y + carried.transpose(-1, -2) * arriving.unsqueeze(-1);
  }
  return y.permute({0, 1, 4, 2, 3, 5}).flatten(3, 4).flatten(1, 2).narrow(1, 0, T);
}

}  // namespace starnest::train
