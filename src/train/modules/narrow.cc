#include "train/modules/narrow.h"

namespace starnest::train {
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

Tensor BlockView::operator[](Role role) const {
  const Parameter& parameter = weights_.parameter(role, block_);
  if (!size_.widths()) return parameter.value;
  return narrowed(parameter.value, parameter.spec.dims, size_.widths()->at(block_));
}

BlockSpec BlockView::spec() const {
  const BlockSpec& full = weights_.spec().blocks[size_t(block_)];
  return size_.widths() ? starnest::narrowed(full, size_.widths()->at(block_)) : full;
}

}  // namespace starnest::train
