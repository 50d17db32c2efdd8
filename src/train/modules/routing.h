// Which experts a token goes to, and in which order experts see their tokens.
#pragma once

#include <vector>

#include "arch/model_spec.h"
#include "train/modules/observer.h"
#include "train/modules/size_context.h"

namespace starnest::train {

// u [n, D], gate [E, D], bias [E]. The correction bias selects and never weighs:
//   s = sigmoid(W u);  key = s + bias, -inf for excluded experts;  the J largest keys, lowest number first on ties
//   w = s[chosen] (/ sum + 1e-20) * scale
// With groups, only the groups_kept groups with the largest sum of their two best keys are eligible.
// A soft mask m scales the score (m s) and lowers the key by 0.1 log(1/m); below 1e-3 the expert is excluded.
Routing route(const Tensor& u, const Tensor& gate, const Tensor& bias, const MoeSpec& dims, const AxisMask& experts);

// The `count` largest entries of each row, largest first; of equal ones the lowest index first.
// At least `count` entries of a row are finite.
Tensor top_indices(const Tensor& keys, int64_t count);

// Where the n*J (token, slot) pairs stand when they are grouped by expert.
struct ExpertOrder {
  std::vector<int64_t> begins;  // expert e owns rows [begins[e], begins[e + 1])
  Tensor row_pair;              // [n * J] pair (token * J + slot) of each row
  Tensor pair_row;              // [n * J] row of each pair
};
ExpertOrder group_by_expert(const Tensor& chosen, int64_t experts);  // chosen [n, J]

// Rows of u [n, D] in expert order, [n * J, D]. Backward is a gather, so it is exact to repeat and costs no scatter.
Tensor dispatch(const Tensor& u, const ExpertOrder& order, int64_t slots);
// The inverse: rows [n * J, D] back to pairs [n * J, D].
Tensor collect(const Tensor& rows, const ExpertOrder& order);

// Every expert's rows through its own matrix: rows [n * J, D], weight [E, F, D] -> [n * J, F]. One product per expert
// and none over padding: with uneven loads, padding to the largest would multiply the work (docs/decisions.md).
Tensor grouped_linear(const Tensor& rows, const Tensor& weight, const ExpertOrder& order);

}  // namespace starnest::train
