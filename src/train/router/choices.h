// What a router chooses from: a list of widths per axis, and how many blocks to drop. Every block with an axis gets the
// same choice, so that a size is an ordinary model whose config holds one number per width; or, if asked for, each
// block has a list of its own, and the sizes are of a kind that only Starnest loads.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "arch/model_spec.h"
#include "nest/widths.h"

namespace starnest::train {

struct AxisChoices {
  Axis axis = Axis::none;
  std::vector<int> widths;           // descending, the full width first
  std::optional<size_t> block = {};  // the one whose list it is; none: all blocks that have the axis

  bool is_of(size_t b) const { return !block || *block == b; }
};
std::string label_of(const AxisChoices& choices);  // "moe_intermediate_size", "moe_intermediate_size of block 3"

struct Choices {
  std::vector<AxisChoices> axes;
  std::vector<int> dropped = {0};    // numbers of blocks to drop, ascending from 0; {0}: depth is no axis
  std::vector<int> drop_order = {};  // blocks, the first to go first; at least dropped.back() of them

  size_t lists() const { return axes.size() + 1; }  // one per axis, then depth
  size_t count(size_t list) const { return list < axes.size() ? axes[list].widths.size() : dropped.size(); }
};

// Throws Error naming the list that is empty, not descending, does not begin with the full width, cuts what cannot be
// cut (multiples of the groups; of 16 for hidden and FFN widths), or whose axis the model does not have or has twice.
void check(const Choices& choices, const ModelSpec& spec);

// Choices as a command line has them.
struct ChoiceTexts {
  std::vector<std::string> axes;       // as parse_choices (size_text.h) reads them
  std::vector<std::string> per_block;  // keys of axes that get a list for each of their blocks
  std::vector<int> dropped = {0};
  std::vector<int> drop_order = {};
};
// Checked. Throws Error also for an axis without a list that is to have one per block, and for hidden_size there.
Choices make_choices(const ChoiceTexts& texts, const ModelSpec& spec);

// The size of one cell: which choice each list takes.
Widths widths_of(const Choices& choices, const ModelSpec& spec, const std::vector<size_t>& cell);

}  // namespace starnest::train
