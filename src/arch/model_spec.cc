#include "arch/model_spec.h"

namespace starnest {
namespace {

// The dial that shortens a member of a spec; Axis::none when none does.
template <class Spec>
Axis axis_of(int Spec::* member) {
  for (const DialMember<Spec>& dial : Spec::dials())
    if (dial.width == member) return dial.axis;
  return Axis::none;
}

template <class Spec>
Dial dial_in(const Spec& spec, const DialMember<Spec>& dial) {
  Segment units = plain_segment(dial.axis, spec.*dial.width);
  if (dial.groups) units.groups = spec.*dial.groups;
  if (dial.channels) {
    units.channel_axis = axis_of(dial.channels);
    units.channels = spec.*dial.channels;
  }
  return {units, dial.contracted};
}

}  // namespace

Dials dials_of(const BlockSpec& block) {
  return std::visit(
      []<class Spec>(const Spec& spec) {
        Dials dials;
        for (const DialMember<Spec>& dial : Spec::dials()) dials.push_back(dial_in(spec, dial));
        return dials;
      },
      block);
}

Dial dial_of(const ModelSpec& spec, int block, Axis axis) {
  if (block < 0) return {plain_segment(Axis::hidden, spec.hidden)};
  return dial_of(dials_of(spec.blocks[size_t(block)]), axis);
}

BlockSpec narrowed(BlockSpec block, const BlockWidths& widths) {
  std::visit(
      [&]<class Spec>(Spec& spec) {
        for (const DialMember<Spec>& dial : Spec::dials()) spec.*dial.width = widths[dial.axis];
      },
      block);
  return block;
}

ModelSpec narrowed(const ModelSpec& spec, const Widths& widths) {
  ModelSpec out = spec;
  out.hidden = widths.hidden;
  out.blocks.clear();
  for (size_t b = 0; b < spec.blocks.size(); ++b)
    if (widths.blocks[b].kept) out.blocks.push_back(narrowed(spec.blocks[b], widths.blocks[b]));
  return out;
}

char letter_of(const BlockSpec& block) { return "M*-E"[block.index()]; }

std::string pattern_of(const std::vector<BlockSpec>& blocks) {
  std::string pattern;
  for (const BlockSpec& block : blocks) pattern += letter_of(block);
  return pattern;
}

Widths full_widths(const ModelSpec& spec) {
  Widths widths;
  for (const BlockSpec& block : spec.blocks) widths.blocks.push_back(full_widths(dials_of(block)));
  widths.set_hidden(spec.hidden);
  return widths;
}

}  // namespace starnest
