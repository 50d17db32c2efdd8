#include "train/modules/size_context.h"

#include <cmath>

#include "base/check.h"
#include "nest/segments.h"

namespace starnest::train {
namespace {

AxisMask one_hot(Axis axis, int groups, int kept, int full, torch::ScalarType dtype) {
  if (kept == full) return {};
  const auto options = torch::dtype(dtype);
  return {prefix_mask(axis, groups, kept, full, dtype), torch::scalar_tensor(double(kept) / full, options),
          torch::scalar_tensor(std::sqrt(double(kept) / full), options)};
}

}  // namespace

Tensor prefix_mask(Axis axis, int groups, int kept, int full, torch::ScalarType dtype) {
  BlockWidths widths;
  widths[axis] = kept;
  const Dimension dimension{{"units", axis, full, groups, Axis::none, 1}};
  Tensor mask = torch::zeros({full}, torch::dtype(dtype));
  for (const IndexRange& range : kept_ranges(dimension, widths))
    mask.narrow(0, int64_t(range.begin), int64_t(range.count)).fill_(1);
  return mask;
}

int groups_of(const BlockSpec& block, Axis axis) {
  if (axis == Axis::mamba_heads) return std::get<Mamba2Spec>(block).groups;
  if (axis == Axis::query_heads) return std::get<AttentionSpec>(block).kv_heads;
  return 1;
}

SizeContext SizeContext::narrow(Widths widths) {
  SizeContext context;
  context.widths_ = std::move(widths);
  return context;
}

SizeContext SizeContext::masked(const ModelSpec& spec, const Widths& widths, torch::ScalarType dtype) {
  const Widths full = full_widths(spec);
  SizeContext context;
  context.hidden_ = one_hot(Axis::hidden, 1, widths.hidden, full.hidden, dtype);
  for (size_t b = 0; b < spec.blocks.size(); ++b) {
    BlockMasks masks;
    masks[Axis::hidden] = context.hidden_;
    for (const Axis axis : kDials)
      if (axis != Axis::hidden && full.blocks[b][axis] != 0)
        masks[axis] =
            one_hot(axis, groups_of(spec.blocks[b], axis), widths.blocks[b][axis], full.blocks[b][axis], dtype);
    if (!widths.blocks[b].kept) masks.gate = torch::zeros({}, torch::dtype(dtype));
    context.blocks_.push_back(std::move(masks));
  }
  return context;
}

SizeContext SizeContext::soft(AxisMask hidden, std::vector<BlockMasks> blocks) {
  SizeContext context;
  context.hidden_ = std::move(hidden);
  context.blocks_ = std::move(blocks);
  return context;
}

const BlockMasks& SizeContext::masks(int block) const {
  static const BlockMasks kNone;
  if (blocks_.empty()) return kNone;
  SN_CHECK(size_t(block) < blocks_.size(), "a context of another model");
  return blocks_[size_t(block)];
}

}  // namespace starnest::train
