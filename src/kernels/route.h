// Which experts a token visits, and how much each counts:
//   s[e]   = sigmoid(logits[e])
//   key[e] = s[e] + bias[e]
//   groups > 1: a group of E / groups consecutive experts scores the sum of its two largest keys (its one, if it has
//   one expert); only the groups_kept best groups stay, keys elsewhere are -inf
//   chosen = the J largest keys; equal keys (and equal groups): the lowest number first; NaN counts as -inf
//   weight[e] = s[e], divided by (sum of the chosen + 1e-20) if `normalize`, times `scale`
//
// experts  E of a token by its shells: it chooses among the experts of its size
// logits   [>= T, >= E]  f32, rows may be strided
// bias     [>= E]        or empty (zeros); selects, never weighs
// ids      [T, J]  i32, ascending within a token, distinct
// weights  [T, J]  f32, in the order of ids
//
// Threads split tokens. Takes T*(E + groups) floats of scratch and gives them back.
// Checked here: shapes; 1 <= J <= E; E a multiple of groups; the groups kept hold at least J experts (abort).
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/view.h"
#include "kernels/batch.h"
#include "kernels/exec.h"

namespace starnest {

struct RouteParams {
  size_t experts_per_token;  // J
  size_t groups = 1;
  size_t groups_kept = 1;
  bool normalize = true;
  float scale = 1;
};

void route(const Exec& exec, const Batch& batch, ByShells experts, MatView<const float> logits,
           VecView<const float> bias, const RouteParams& params, MatView<int32_t> ids, MatView<float> weights);

}  // namespace starnest
