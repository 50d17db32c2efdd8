// Which indices of a tensor's dimension belong to a size. The rules of nesting (docs/nesting.md) are written here,
// once.
//
// A dimension is a list of segments, e.g. the rows of in_proj are [z | x | B | C | dt]. A segment is
//   groups x units-per-group x channels
// in file order. A size keeps the first units of EVERY group and the first channels of every unit.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "nest/widths.h"

namespace starnest {

struct Segment {
  Axis unit_axis = Axis::none;     // the dial that shortens the units; none: always kept whole
  int units = 1;                   // in the full model, over all groups
  int groups = 1;                  // divides units
  Axis channel_axis = Axis::none;  // the dial that shortens the channels of a unit
  int channels = 1;                // consecutive indices owned by one unit in the full model

  int extent() const { return units * channels; }
  int kept_units(const BlockWidths& widths) const { return unit_axis == Axis::none ? units : widths[unit_axis]; }
  int kept_channels(const BlockWidths& widths) const {
    return channel_axis == Axis::none ? channels : widths[channel_axis];
  }
  int kept_extent(const BlockWidths& widths) const { return kept_units(widths) * kept_channels(widths); }
};

// One dial over single channels, e.g. the residual channels.
inline Segment plain_segment(Axis axis, int extent) { return {.unit_axis = axis, .units = extent}; }

using Dimension = std::vector<Segment>;

int extent_of(const Dimension& dimension);
int kept_extent(const Dimension& dimension, const BlockWidths& widths);

// Consecutive indices [begin, begin + count).
struct IndexRange {
  size_t begin = 0;
  size_t count = 0;
  bool operator==(const IndexRange&) const = default;
};

// The kept indices in ascending order, neighbours merged.
std::vector<IndexRange> kept_ranges(const Dimension& dimension, const BlockWidths& widths);
// The same as single indices.
std::vector<size_t> kept_indices(const Dimension& dimension, const BlockWidths& widths);

// Order in memory: the indices in the file, one range after the other, for a segment of which the sizes `chain`
// (ascending, smallest first) are resident. Ordered by shell, then unit rank inside its group, then group, then
// channel, so that the indices of every size are a prefix. Only the indices of the largest size are present. Neighbours
// are merged.
std::vector<IndexRange> memory_order(const Segment& segment, std::span<const BlockWidths> chain);

// What stands at the positions `at` of an order that lists ranges one after the other.
std::vector<IndexRange> part_of(std::span<const IndexRange> order, IndexRange at);

// Consecutive channels in memory that belong to one unit. Units are numbered rank-major: rank * groups + group, so
// unit u belongs to group u % groups.
struct UnitPiece {
  size_t unit = 0;
  size_t begin = 0;
  size_t count = 0;
  size_t added_by = 0;  // index in the chain of the size that adds it
};

// The pieces of the first kept_extent(size) positions of memory_order, by unit, then channel: the order of the size
// when it is the only one, whatever the chain. One piece per unit, and ascending by position, unless an inner size
// keeps fewer channels of a unit.
std::vector<UnitPiece> memory_pieces(const Segment& segment, std::span<const BlockWidths> chain,
                                     const BlockWidths& size);

}  // namespace starnest
