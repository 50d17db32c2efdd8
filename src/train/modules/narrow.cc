#include "train/modules/narrow.h"

namespace starnest::train {
namespace {

struct NarrowSpec {
  const BlockWidths& widths;

  BlockSpec operator()(Mamba2Spec s) const {
    s.heads = widths[Axis::mamba_heads];
    s.head_dim = widths[Axis::mamba_head_dim];
    return s;
  }
  BlockSpec operator()(AttentionSpec s) const {
    s.query_heads = widths[Axis::query_heads];
    return s;
  }
  BlockSpec operator()(MlpSpec s) const {
    s.ffn = widths[Axis::ffn];
    return s;
  }
  BlockSpec operator()(MoeSpec s) const {
    s.experts = widths[Axis::experts];
    s.ffn = widths[Axis::moe_ffn];
    s.shared_ffn = widths[Axis::shared_ffn];
    return s;
  }
};

}  // namespace

Tensor narrowed(const Tensor& full, const std::vector<Dimension>& dims, const BlockWidths& widths) {
  Tensor out = full;
  for (size_t d = 0; d < dims.size(); ++d) {
    if (kept_extent(dims[d], widths) == extent_of(dims[d])) continue;
    std::vector<Tensor> runs;
    for (const IndexRange& range : kept_ranges(dims[d], widths))
      runs.push_back(out.narrow(int64_t(d), int64_t(range.begin), int64_t(range.count)));
    out = runs.size() == 1 ? runs.front() : torch::cat(runs, int64_t(d));
  }
  return out;
}

BlockSpec narrowed(const BlockSpec& block, const BlockWidths& widths) { return std::visit(NarrowSpec{widths}, block); }

Tensor BlockView::operator[](Role role) const {
  const Parameter& parameter = weights_.parameter(role, block_);
  if (!size_.widths()) return parameter.value;
  return narrowed(parameter.value, parameter.spec.dims, size_.widths()->at(block_));
}

BlockSpec BlockView::spec() const {
  const BlockSpec& full = weights_.spec().blocks[size_t(block_)];
  return size_.widths() ? narrowed(full, size_.widths()->at(block_)) : full;
}

}  // namespace starnest::train
