// A size as data: how much of every axis it keeps, block by block.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "nest/axis.h"

namespace starnest {

// What one block keeps. An axis that the block does not have is 0.
struct BlockWidths {
  bool kept = true;
  std::array<int, kAxes> width{};

  int operator[](Axis axis) const { return width[size_t(axis)]; }
  int& operator[](Axis axis) { return width[size_t(axis)]; }
  // Whether a routed expert is kept; -1 stands for what is no expert.
  bool keeps_expert(int expert) const { return kept && (expert < 0 || expert < (*this)[Axis::experts]); }
  bool operator==(const BlockWidths&) const = default;
};

// What a size keeps of the whole model. `blocks` has one entry per block of the FULL model, dropped ones included.
// Every entry carries the hidden width, so a block and its widths are all that slicing a tensor needs.
struct Widths {
  int hidden = 0;
  std::vector<BlockWidths> blocks;

  // Widths of what belongs to no block (embedding, final norm, head): the hidden width only.
  BlockWidths global() const;
  // Widths of block `block`, or global() for -1.
  BlockWidths at(int block) const { return block < 0 ? global() : blocks[size_t(block)]; }
  void set_hidden(int width);

  // The one width that all kept blocks with this axis share; nullopt when they differ or none has it.
  std::optional<int> uniform(Axis axis) const;
  // Whether kept blocks with the same axis have different widths, which an ordinary config cannot say.
  bool differ_between_blocks() const;
  int kept_blocks() const;
  bool operator==(const Widths&) const = default;
};

// The first axis in which `inner` is not contained in `outer`; Axis::none for a block that only `inner` keeps.
std::optional<Axis> first_beyond(const Widths& outer, const Widths& inner);
inline bool contains(const Widths& outer, const Widths& inner) { return !first_beyond(outer, inner); }

}  // namespace starnest
