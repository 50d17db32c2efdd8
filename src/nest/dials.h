// The dials of a block as numbers: what a size can shorten there, and what follows from it.
#pragma once

#include <span>
#include <vector>

#include "nest/segments.h"

namespace starnest {

struct Dial {
  Segment units;           // what it shortens; unit_axis is the dial's own
  bool contracted = true;  // whether matrix products sum over what it shortens

  Axis axis() const { return units.unit_axis; }
  int full() const { return units.units; }
};

// Of one block, each axis at most once.
using Dials = std::vector<Dial>;

// Aborts where the block lacks the axis.
const Dial& dial_of(std::span<const Dial> dials, Axis axis);

// What the block keeps in the full model.
BlockWidths full_widths(std::span<const Dial> dials);

// How many consecutive channels a matrix product sums over that `axis` shortens: those of one group, since every group
// keeps a prefix of its own. 0 where none sums over it.
int contraction_of(std::span<const Dial> dials, Axis axis, const BlockWidths& widths);

}  // namespace starnest
