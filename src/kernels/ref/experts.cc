#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/ref/ops.h"
#include "kernels/scalar.h"

namespace starnest::ref {
namespace {

constexpr float kExcluded = -std::numeric_limits<float>::infinity();

// Puts the numbers of keys in order, the largest key first and the lowest number first among equals.
void rank(VecView<const float> keys, std::span<int32_t> order) {
  for (size_t i = 0; i < order.size(); ++i) order[i] = int32_t(i);
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return keys[size_t(a)] != keys[size_t(b)] ? keys[size_t(a)] > keys[size_t(b)] : a < b;
  });
}

// The sum of the two largest keys, or the only one.
float group_score(std::span<float> keys) {
  std::sort(keys.begin(), keys.end(), std::greater());
  return keys.size() > 1 ? keys[0] + keys[1] : keys[0];
}

void exclude_groups(Arena& arena, const RouteParams& params, VecView<float> keys) {
  const size_t width = keys.size / params.groups;
  const VecView<float> scores = arena.vector(params.groups);
  const std::span<float> sorted = arena.array<float>(width);
  for (size_t g = 0; g < params.groups; ++g) {
    std::copy_n(keys.data + g * width, width, sorted.begin());
    scores[g] = group_score(sorted);
  }
  const std::span<int32_t> best = arena.array<int32_t>(params.groups);
  rank(scores, best);
  for (const int32_t g : best.subspan(params.groups_kept)) std::fill_n(keys.data + size_t(g) * width, width, kExcluded);
}

}  // namespace

void route(const Exec& exec, const Batch& batch, ByShells experts, MatView<const float> logits,
           VecView<const float> bias, const RouteParams& params, MatView<int32_t> ids, MatView<float> weights) {
  const size_t J = params.experts_per_token;
  for_each_row(batch, [&](size_t t, size_t shells) {
    const ScratchScope scope(exec.arena);
    const VecView<float> keys = exec.arena.vector(experts[shells - 1]);
    for (size_t e = 0; e < keys.size; ++e) {
      keys[e] = sigmoid(logits(t, e)) + (bias.size > 0 ? bias[e] : 0.0f);
      if (std::isnan(keys[e])) keys[e] = kExcluded;
    }
    if (params.groups > 1) exclude_groups(exec.arena, params, keys);
    const std::span<int32_t> order = exec.arena.array<int32_t>(keys.size);
    rank(keys, order);
    std::copy_n(order.begin(), J, ids.row(t));
    std::sort(ids.row(t), ids.row(t) + J);
    float sum = 0;
    for (size_t j = 0; j < J; ++j) sum += weights(t, j) = sigmoid(logits(t, size_t(ids(t, j))));
    for (size_t j = 0; j < J; ++j)
      weights(t, j) = (params.normalize ? weights(t, j) / (sum + 1e-20f) : weights(t, j)) * params.scale;
  });
}

void group_by_expert(const Exec&, MatView<const int32_t> ids, const ExpertGroupArrays& groups) {
  const size_t experts = groups.begin.size() - 1;
  size_t slot = 0;
  for (size_t e = 0; e < experts; ++e) {
    groups.begin[e] = slot;
    for (size_t t = 0; t < ids.rows; ++t)
      for (size_t j = 0; j < ids.cols; ++j) {
        if (ids(t, j) != int32_t(e)) continue;
        groups.rows[slot] = int32_t(t);
        groups.slots(t, j) = int32_t(slot++);
      }
  }
  groups.begin[experts] = slot;
  SN_CHECK(slot == groups.rows.size(), "expert number out of range");
}

void gather_add(const Exec&, const Batch& batch, ByShells widths, MatView<const float> x, MatView<const int32_t> slots,
                MatView<const float> weights, MatView<float> y) {
  for_each_row(batch, [&](size_t t, size_t shells) {
    for (size_t j = 0; j < slots.cols; ++j) {
      SN_CHECK(slots(t, j) >= 0 && size_t(slots(t, j)) < x.rows, "gather_add: slot out of range");
      for (size_t i = 0; i < widths[shells - 1]; ++i) y(t, i) += weights(t, j) * x(size_t(slots(t, j)), i);
    }
  });
}

}  // namespace starnest::ref
