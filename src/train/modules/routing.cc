#include "train/modules/routing.h"

#include <limits>

namespace starnest::train {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr double kExcluded = -std::numeric_limits<double>::infinity();

// The group rule: the experts of all but the best groups get -inf.
Tensor limit_to_groups(const Tensor& keys, const MoeSpec& dims) {
  const Tensor grouped = keys.unflatten(-1, {dims.groups, -1});  // [n, groups, E / groups]
  const Tensor best_two = grouped.gather(-1, top_indices(grouped.flatten(0, 1), 2).view({-1, dims.groups, 2}));
  const Tensor kept = top_indices(best_two.sum(-1), dims.groups_kept);
  const Tensor excluded = torch::ones({keys.size(0), dims.groups}, torch::dtype(torch::kBool)).scatter(1, kept, false);
  return grouped.masked_fill(excluded.unsqueeze(-1), kExcluded).flatten(1);
}

// rows <- u[row_token]; the gradient of a token is the sum over the rows that its slots stand in.
struct Dispatch : torch::autograd::Function<Dispatch> {
  static Tensor forward(AutogradContext* context, const Tensor& u, const Tensor& row_token, const Tensor& pair_row,
                        int64_t slots) {
    context->save_for_backward({pair_row});
    context->saved_data["slots"] = slots;
    return u.index_select(0, row_token);
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const Tensor pairs = gradients[0].index_select(0, context->get_saved_variables()[0]);
    return {pairs.unflatten(0, {-1, context->saved_data["slots"].toInt()}).sum(1), {}, {}, {}};
  }
};

// pairs <- rows[pair_row], a permutation.
struct Collect : torch::autograd::Function<Collect> {
  static Tensor forward(AutogradContext* context, const Tensor& rows, const Tensor& pair_row, const Tensor& row_pair) {
    context->save_for_backward({row_pair});
    return rows.index_select(0, pair_row);
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    return {gradients[0].index_select(0, context->get_saved_variables()[0]), {}, {}};
  }
};

struct GroupedLinear : torch::autograd::Function<GroupedLinear> {
  // Calls with (expert, first row, number of rows), for experts that have rows.
  template <class PerExpert>
  static void for_each(const std::vector<int64_t>& begins, const PerExpert& per_expert) {
    for (size_t e = 0; e + 1 < begins.size(); ++e)
      if (begins[e + 1] > begins[e]) per_expert(int64_t(e), begins[e], begins[e + 1] - begins[e]);
  }

  static Tensor forward(AutogradContext* context, const Tensor& rows, const Tensor& weight,
                        const std::vector<int64_t>& begins) {
    context->save_for_backward({rows, weight});
    context->saved_data["begins"] = begins;
    Tensor out = torch::empty({rows.size(0), weight.size(1)}, rows.options().requires_grad(false));
    for_each(begins, [&](int64_t e, int64_t first, int64_t count) {
      Tensor part = out.narrow(0, first, count);
      at::mm_out(part, rows.narrow(0, first, count), weight.select(0, e).t());
    });
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor &rows = saved[0], &weight = saved[1];
    const Tensor g = gradients[0].contiguous();
    const std::vector<int64_t> begins = context->saved_data["begins"].toIntVector();
    Tensor rows_gradient, weight_gradient;
    if (context->needs_input_grad(0)) rows_gradient = torch::empty(rows.sizes(), g.options());
    if (context->needs_input_grad(1)) weight_gradient = torch::zeros(weight.sizes(), g.options());
    for_each(begins, [&](int64_t e, int64_t first, int64_t count) {
      const Tensor part = g.narrow(0, first, count);
      if (rows_gradient.defined()) {
        Tensor into = rows_gradient.narrow(0, first, count);
        at::mm_out(into, part, weight.select(0, e));
      }
      if (weight_gradient.defined()) {
        Tensor into = weight_gradient.select(0, e);
        at::mm_out(into, part.t(), rows.narrow(0, first, count));
      }
    });
    return {rows_gradient, weight_gradient, {}};
  }
};

}  // namespace

// max() returns the first of equal entries, which topk() does not promise.
Tensor top_indices(const Tensor& keys, int64_t count) {
  Tensor rest = keys.detach();
  std::vector<Tensor> chosen;
  for (int64_t j = 0; j < count; ++j) {
    const Tensor best = std::get<1>(rest.max(-1, /*keepdim=*/true));
    chosen.push_back(best);
    if (j + 1 < count) rest = rest.scatter(-1, best, kExcluded);
  }
  return torch::cat(chosen, -1);
}

Routing route(const Tensor& u, const Tensor& gate, const Tensor& bias, const MoeSpec& dims, const AxisMask& experts) {
  Tensor scores = torch::sigmoid(torch::linear(u, gate));
  Tensor keys = scores.detach() + bias.detach();
  if (!experts.full()) {
    const Tensor m = experts.mask;
    keys = torch::where(m.detach() >= 1e-3, keys + 0.1 * m.detach().clamp_min(1e-3).log(), kExcluded);
    scores = scores * m;
  }
  if (dims.groups > 1) keys = limit_to_groups(keys, dims);
  const Tensor chosen = top_indices(keys, dims.experts_per_token);
  Tensor weights = scores.gather(1, chosen);
  if (dims.normalize) weights = weights / (weights.sum(-1, true) + 1e-20);
  return {scores, chosen, weights * double(dims.scale)};
}

ExpertOrder group_by_expert(const Tensor& chosen, int64_t experts) {
  const Tensor expert = chosen.flatten();  // of each pair
  const int64_t pairs = expert.numel();
  ExpertOrder order;
  order.row_pair = std::get<1>(expert.sort(/*stable=*/true, /*dim=*/0, /*descending=*/false));
  order.pair_row = torch::empty({pairs}, torch::kLong).index_copy(0, order.row_pair, torch::arange(pairs));
  const Tensor ends = expert.bincount({}, experts).cumsum(0);
  order.begins.assign(1, 0);
  order.begins.insert(order.begins.end(), ends.data_ptr<int64_t>(), ends.data_ptr<int64_t>() + experts);
  return order;
}

Tensor dispatch(const Tensor& u, const ExpertOrder& order, int64_t slots) {
  return Dispatch::apply(u, order.row_pair.floor_divide(slots), order.pair_row, slots);
}

Tensor collect(const Tensor& rows, const ExpertOrder& order) {
  return Collect::apply(rows, order.pair_row, order.row_pair);
}

Tensor grouped_linear(const Tensor& rows, const Tensor& weight, const ExpertOrder& order) {
  return GroupedLinear::apply(rows, weight, order.begins);
}

}  // namespace starnest::train
