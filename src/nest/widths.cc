#include "nest/widths.h"

#include <algorithm>

#include "base/check.h"

namespace starnest {

BlockWidths Widths::global() const {
  BlockWidths widths;
  widths[Axis::hidden] = hidden;
  return widths;
}

void Widths::set_hidden(int width) {
  hidden = width;
  for (BlockWidths& block : blocks) block[Axis::hidden] = width;
}

std::optional<int> Widths::uniform(Axis axis) const {
  std::optional<int> common;
  for (const BlockWidths& block : blocks) {
    const int width = block[axis];
    if (!block.kept || width == 0) continue;
    if (common && *common != width) return std::nullopt;
    common = width;
  }
  return common;
}

bool Widths::differ_between_blocks() const {
  for (const Axis axis : kDials) {
    const auto has = [axis](const BlockWidths& block) { return block.kept && block[axis] != 0; };
    if (axis != Axis::hidden && std::any_of(blocks.begin(), blocks.end(), has) && !uniform(axis)) return true;
  }
  return false;
}

int Widths::kept_blocks() const {
  return int(std::count_if(blocks.begin(), blocks.end(), [](const BlockWidths& block) { return block.kept; }));
}

std::optional<Axis> first_beyond(const Widths& outer, const Widths& inner) {
  SN_CHECK(outer.blocks.size() == inner.blocks.size(), "sizes of different models");
  if (inner.hidden > outer.hidden) return Axis::hidden;
  for (size_t b = 0; b < outer.blocks.size(); ++b) {
    if (!inner.blocks[b].kept) continue;
    if (!outer.blocks[b].kept) return Axis::none;
    for (const Axis axis : kDials)
      if (inner.blocks[b][axis] > outer.blocks[b][axis]) return axis;
  }
  return std::nullopt;
}

}  // namespace starnest
