#include "engine/tensor_layout.h"

namespace starnest {
namespace {

size_t kept(const std::vector<Segment>& segments, const BlockWidths& widths) {
  return size_t(kept_extent(segments, widths));
}

std::vector<IndexRange> order_of(const std::vector<Segment>& segments, size_t start,
                                 const std::vector<BlockWidths>& chain) {
  std::vector<IndexRange> order;
  for (const Segment& segment : segments) {
    for (const IndexRange& range : memory_order(segment, chain)) order.push_back({start + range.begin, range.count});
    start += size_t(segment.extent());
  }
  return order;
}

}  // namespace

size_t PartLayout::rows_of(const BlockWidths& widths) const { return rows.empty() ? 1 : kept(rows, widths); }
size_t PartLayout::cols_of(const BlockWidths& widths) const { return kept(cols, widths); }

std::vector<IndexRange> PartLayout::row_order(const std::vector<BlockWidths>& chain) const {
  return rows.empty() ? std::vector<IndexRange>{{0, 1}} : order_of(rows, first_row, chain);
}

std::vector<IndexRange> PartLayout::col_order(const std::vector<BlockWidths>& chain) const {
  return order_of(cols, rows.empty() ? first_row : 0, chain);
}

std::vector<PartLayout> parts_of(const TensorSpec& tensor) {
  const Dimension& split = tensor.dims[tensor.stacked() ? 1 : 0];
  std::vector<PartLayout> parts;
  for (const auto& [role, first, count] : tensor.parts) {
    const auto begin = split.begin() + std::ptrdiff_t(first);
    PartLayout layout;
    layout.role = role;
    layout.first_row = size_t(extent_of(Dimension(split.begin(), begin)));
    layout.file_cols = size_t(extent_of(tensor.dims.back()));
    const std::vector<Segment> segments(begin, begin + std::ptrdiff_t(count));
    if (tensor.dims.size() == 1) {
      layout.cols = segments;
    } else {
      layout.rows = segments;
      layout.cols = tensor.dims.back();
    }
    parts.push_back(std::move(layout));
  }
  return parts;
}

bool is_packed(Role role) {
  return is_linear(role) || role == Role::embedding || role == Role::head || role == Role::gate;
}

}  // namespace starnest
