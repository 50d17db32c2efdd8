#include "kernels/route.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/cpu/grain.h"
#include "kernels/cpu/table.h"
#include "kernels/scalar.h"

namespace starnest::cpu {
namespace {

constexpr float kExcluded = -std::numeric_limits<float>::infinity();
constexpr float kChosen = std::numeric_limits<float>::quiet_NaN();

float group_score(const float* keys, size_t count) {
  float first = kExcluded, second = kExcluded;
  for (size_t e = 0; e < count; ++e) {
    second = std::max(second, std::min(first, keys[e]));
    first = std::max(first, keys[e]);
  }
  return count > 1 ? first + second : first;
}

// Excludes the keys of all but the best groups. A group stays when fewer than groups_kept groups beat it.
void keep_best_groups(const RouteParams& params, VecView<float> keys, float* scores) {
  const size_t width = keys.size / params.groups;
  for (size_t g = 0; g < params.groups; ++g) scores[g] = group_score(keys.data + g * width, width);
  for (size_t g = 0; g < params.groups; ++g) {
    size_t better = 0;
    for (size_t other = 0; other < params.groups; ++other)
      better += scores[other] > scores[g] || (scores[other] == scores[g] && other < g);
    if (better >= params.groups_kept) std::fill_n(keys.data + g * width, width, kExcluded);
  }
}

// ids[J] and weights[J] of one token. `scratch` holds E + groups numbers.
void route_token(VecView<const float> logits, VecView<const float> bias, const RouteParams& params,
                 VecView<float> scratch, int32_t* ids, float* weights) {
  const size_t J = params.experts_per_token;
  const VecView<float> keys{scratch.data, logits.size};
  for (size_t e = 0; e < keys.size; ++e) {
    keys[e] = sigmoid(logits[e]) + (bias.size > 0 ? bias[e] : 0.0f);
    if (std::isnan(keys[e])) keys[e] = kExcluded;
  }
  if (params.groups > 1) keep_best_groups(params, keys, scratch.data + keys.size);
  for (size_t j = 0; j < J; ++j) {
    size_t best = keys.size;
    for (size_t e = 0; e < keys.size; ++e)
      if (!std::isnan(keys[e]) && (best == keys.size || keys[e] > keys[best])) best = e;
    ids[j] = int32_t(best);
    keys[best] = kChosen;
  }
  std::sort(ids, ids + J);
  float sum = 0;
  for (size_t j = 0; j < J; ++j) sum += weights[j] = sigmoid(logits[size_t(ids[j])]);
  for (size_t j = 0; j < J; ++j)
    weights[j] = (params.normalize ? weights[j] / (sum + 1e-20f) : weights[j]) * params.scale;
}

void route(const Exec& exec, const Batch& batch, ByShells experts, MatView<const float> logits,
           VecView<const float> bias, const RouteParams& params, MatView<int32_t> ids, MatView<float> weights) {
  const size_t widest = batch.widest(experts);
  const ScratchScope scope(exec.arena);
  const MatView<float> scratch = exec.arena.matrix(batch.rows(), widest + params.groups);
  exec.pool.parallel_for(batch.rows(), grain_of(widest * (kExpWork + params.experts_per_token)),
                         [&](size_t begin, size_t end) {
                           for_each_row(batch.spans, begin, end, [&](size_t t, size_t shells) {
                             route_token({logits.row(t), experts[shells - 1]}, bias, params,
                                         {scratch.row(t), scratch.cols}, ids.row(t), weights.row(t));
                           });
                         });
}

}  // namespace

void put_route(Ops& ops) { ops.route = route; }

}  // namespace starnest::cpu
