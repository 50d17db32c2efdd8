#include "nest/dials.h"

#include <algorithm>

#include "base/check.h"

namespace starnest {

const Dial& dial_of(std::span<const Dial> dials, Axis axis) {
  const auto found = std::find_if(dials.begin(), dials.end(), [&](const Dial& dial) { return dial.axis() == axis; });
  SN_CHECK(found != dials.end(), "the block does not have this axis");
  return *found;
}

BlockWidths full_widths(std::span<const Dial> dials) {
  BlockWidths widths;
  for (const Dial& dial : dials) widths[dial.axis()] = dial.full();
  return widths;
}

int contraction_of(std::span<const Dial> dials, Axis axis, const BlockWidths& widths) {
  for (const Dial& dial : dials)
    if (dial.units.channel_axis == axis) return contraction_of(dials, dial.axis(), widths);
  const Dial& dial = dial_of(dials, axis);
  return dial.contracted ? dial.units.kept_extent(widths) / dial.units.groups : 0;
}

}  // namespace starnest
