#include "train/modules/size_context.h"

#include <cmath>

#include "base/check.h"
#include "nest/segments.h"

namespace starnest::train {
namespace {

AxisMask one_hot(const Dial& dial, int kept, torch::ScalarType dtype) {
  if (kept == dial.full()) return {};
  const auto options = torch::dtype(dtype);
  const double share = double(kept) / dial.full();
  return {prefix_mask(dial, kept, dtype), torch::scalar_tensor(share, options),
          torch::scalar_tensor(std::sqrt(share), options)};
}

}  // namespace

Tensor prefix_mask(const Dial& dial, int kept, torch::ScalarType dtype) {
  BlockWidths widths;
  widths[dial.axis()] = kept;
  const Segment units{.unit_axis = dial.axis(), .units = dial.full(), .groups = dial.units.groups};
  Tensor mask = torch::zeros({dial.full()}, torch::dtype(dtype));
  for (const IndexRange& range : kept_ranges({units}, widths))
    mask.narrow(0, int64_t(range.begin), int64_t(range.count)).fill_(1);
  return mask;
}

SizeContext SizeContext::narrow(Widths widths) {
  SizeContext context;
  context.widths_ = std::move(widths);
  return context;
}

SizeContext SizeContext::masked(const ModelSpec& spec, const Widths& widths, torch::ScalarType dtype) {
  SizeContext context;
  context.hidden_ = one_hot(dial_of(spec, -1, Axis::hidden), widths.hidden, dtype);
  for (size_t b = 0; b < spec.blocks.size(); ++b) {
    BlockMasks masks;
    masks[Axis::hidden] = context.hidden_;
    for (const Dial& dial : dials_of(spec.blocks[b]))
      masks[dial.axis()] = one_hot(dial, widths.blocks[b][dial.axis()], dtype);
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
