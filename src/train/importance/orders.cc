#include "train/importance/orders.h"

#include <string>
#include <vector>

#include "base/check.h"
#include "base/output.h"
#include "format/json/jsonl.h"

namespace starnest::train {
namespace {

// The order of an axis in one tensor; undefined when it stays. `expert` is the old number.
Tensor find_order(const ByAxis& orders, Axis axis, int block, int expert) {
  const auto found = orders.find({axis == Axis::hidden ? -1 : block, axis});
  if (axis == Axis::none || found == orders.end()) return {};
  return found->second.dim() == 2 ? found->second.select(0, expert) : found->second;
}

int64_t at(const Tensor& order, int64_t unit) { return order.defined() ? order[unit].item<int64_t>() : unit; }

// New index -> old index along one dimension.
std::vector<int64_t> permutation(const Dimension& dimension, const ByAxis& orders, int block, int expert) {
  std::vector<int64_t> indices;
  for (const Segment& segment : dimension) {
    const int64_t start = int64_t(indices.size());
    const Tensor units = find_order(orders, segment.unit_axis, block, expert);
    const Tensor channels = find_order(orders, segment.channel_axis, block, expert);
    for (int64_t unit = 0; unit < segment.units; ++unit)
      for (int64_t channel = 0; channel < segment.channels; ++channel)
        indices.push_back(start + at(units, unit) * segment.channels + at(channels, channel));
  }
  return indices;
}

Tensor permuted(Tensor value, const TensorSpec& spec, const ByAxis& orders, int expert) {
  for (size_t d = 0; d < spec.dims.size(); ++d)
    value = value.index_select(int64_t(d),
                               torch::tensor(permutation(spec.dims[d], orders, spec.block, expert), torch::kLong));
  return value;
}

std::vector<double> numbers(const Tensor& scores) {
  const Tensor flat = scores.to(torch::kDouble).contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

JsonLine one_row(const Tensor& scores) { return JsonLine().set("scores", std::span<const double>(numbers(scores))); }

}  // namespace

Tensor order_of(const Tensor& scores, int groups) {
  const Tensor grouped = scores.unflatten(-1, {groups, -1});
  const Tensor within = grouped.argsort(/*stable=*/true, /*dim=*/-1, /*descending=*/true);
  return (within + torch::arange(groups).unsqueeze(-1) * grouped.size(-1)).flatten(-2);
}

ByAxis orders_of(const ModelSpec& spec, const ByAxis& scores) {
  ByAxis orders;
  for (const auto& [key, values] : scores)
    orders[key] = order_of(values, dial_of(spec, key.first, key.second).units.groups);
  return orders;
}

Weights sorted(const Weights& weights, const ByAxis& orders) {
  Weights out = weights.clone();
  for (const Parameter& target : per_expert(out)) {
    int old_expert = target.spec.expert;
    Tensor source = weights(target.spec.role, target.spec.block).detach();
    if (old_expert >= 0) {
      old_expert = int(at(find_order(orders, Axis::experts, target.spec.block, -1), old_expert));
      source = source.select(0, old_expert);
    }
    target.value.copy_(permuted(source, target.spec, orders, old_expert));
  }
  return out;
}

void write_scores(const std::filesystem::path& file, const ByAxis& scores, const std::vector<BlockDrop>& drops) {
  JsonLine json;
  std::map<int, JsonLine> blocks;
  for (const auto& [key, values] : scores) {
    const std::string name(key_of(key.second));
    if (key.first < 0) {
      json.set(name, std::span<const double>(numbers(values)));
      continue;
    }
    JsonLine& block = blocks.try_emplace(key.first, JsonLine().set("block", key.first)).first->second;
    if (values.dim() == 1) {
      block.set(name, std::span<const double>(numbers(values)));
    } else {
      std::vector<JsonLine> experts;
      for (int64_t e = 0; e < values.size(0); ++e) experts.push_back(one_row(values[e]));
      block.set(name, std::span<const JsonLine>(experts));
    }
  }
  std::vector<JsonLine> list;
  for (auto& [number, block] : blocks) list.push_back(std::move(block));
  json.set("blocks", std::span<const JsonLine>(list));
  std::vector<JsonLine> dropped;
  for (const BlockDrop& drop : drops) dropped.push_back(JsonLine().set("block", drop.block).set("error", drop.error));
  if (!drops.empty()) json.set("dropped", std::span<const JsonLine>(dropped));
  write_text(file, json.text() + "\n");
}

}  // namespace starnest::train
