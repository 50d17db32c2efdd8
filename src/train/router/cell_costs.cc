#include "train/router/cell_costs.h"

#include <algorithm>

namespace starnest::train {

CellCosts::CellCosts(const ModelSpec& spec, const Choices& choices, const CostMeasure& of)
    : spec_(spec),
      choices_(choices),
      of_(of),
      costs_(spec, published_as(of.format, spec)),
      parts_(spec.blocks.size() + 1),
      parts_with_(choices.axes.size()) {
  const Widths full = full_widths(spec);
  for (size_t list = 0; list < choices.axes.size(); ++list)
    for (size_t part = 0; part < parts_.size(); ++part) {
      const AxisChoices& options = choices.axes[list];
      const bool in_block = part < full.blocks.size() && options.is_of(part) && full.blocks[part][options.axis] != 0;
      if (options.axis != Axis::hidden && !in_block) continue;
      parts_[part].lists.push_back(list);
      parts_with_[list].push_back(part);
    }
}

double CellCosts::of(const Cell& cell) const {
  double cost = 0;
  for (size_t part = 0; part < parts_.size(); ++part)
    if (keeps(cell, part)) cost += of_part(part, cell, 0, cell[0]);
  return cost;
}

double CellCosts::change(const Cell& cell, size_t list, size_t choice) const {
  if (list == choices_.axes.size()) {
    Cell changed = cell;
    changed[list] = choice;
    return of(changed) - of(cell);
  }
  double more = 0;
  for (const size_t part : parts_with_[list])
    if (keeps(cell, part)) more += of_part(part, cell, list, choice) - of_part(part, cell, list, cell[list]);
  return more;
}

bool CellCosts::keeps(const Cell& cell, size_t part) const {
  const auto dropped = choices_.drop_order.begin();
  const auto end = dropped + choices_.dropped[cell.back()];
  return std::find(dropped, end, int(part)) == end;
}

double CellCosts::of_part(size_t part, const Cell& cell, size_t list, size_t choice) const {
  uint64_t key = 0;
  for (const size_t each : parts_[part].lists) key = key * choices_.count(each) + (each == list ? choice : cell[each]);
  const auto [entry, is_new] = parts_[part].known.try_emplace(key, 0);
  if (!is_new) return entry->second;
  // The difference that the block makes to a model without any.
  Cell changed = cell;
  changed[list] = choice;
  Widths widths = widths_of(choices_, spec_, changed);
  for (BlockWidths& block : widths.blocks) block.kept = false;
  const double without = exact_cost(costs_, spec_, widths, of_);
  if (part == spec_.blocks.size()) return entry->second = without;
  widths.blocks[part].kept = true;
  return entry->second = exact_cost(costs_, spec_, widths, of_) - without;
}

}  // namespace starnest::train
