#include "nest/cost.h"

#include <map>

#include "base/check.h"

namespace starnest {

bool NestedTensor::present(const Widths& widths) const { return widths.at(block).keeps_expert(expert); }

std::vector<uint64_t> NestedTensor::shape(const Widths& widths) const {
  const BlockWidths here = widths.at(block);
  std::vector<uint64_t> extents;
  for (const Dimension& dim : dims) extents.push_back(uint64_t(kept_extent(dim, here)));
  return extents;
}

uint64_t NestedTensor::elements(const Widths& widths) const {
  uint64_t product = 1;
  for (const uint64_t extent : shape(widths)) product *= extent;
  return product;
}

uint64_t stored_bytes(Encoding encoding, uint64_t elements) {
  constexpr uint64_t kTwoScales = 8;
  switch (encoding) {
    case Encoding::f32:
      return elements * 4;
    case Encoding::bf16:
    case Encoding::f16:
      return elements * 2;
    case Encoding::fp8:
      return elements + kTwoScales;
    case Encoding::nvfp4:
      return elements / 2 + elements / 16 + kTwoScales;
  }
  check_failed("encoding", "unknown encoding", __FILE__, __LINE__);
}

Cost cost_of(std::span<const CostedTensor> tensors, const Widths& widths) {
  struct Routed {
    uint64_t elements = 0, bytes = 0, chosen = 0;
  };
  std::map<int, Routed> routed;  // by block: the experts of a block are alike, so a share of their sum is exact
  Cost cost;
  for (const auto& [tensor, encoding] : tensors) {
    if (!tensor->present(widths)) continue;
    const uint64_t elements = tensor->elements(widths);
    const uint64_t bytes = stored_bytes(encoding, elements);
    cost.parameters += elements;
    cost.bytes += bytes;
    switch (tensor->use) {
      case Use::always:
        cost.active_parameters += elements;
        cost.decode_bytes_per_token += bytes;
        break;
      case Use::one_row:
        cost.active_parameters += elements;
        cost.decode_bytes_per_token += bytes / tensor->shape(widths).front();
        break;
      case Use::routed: {
        Routed& sum = routed[tensor->block];
        sum.elements += elements;
        sum.bytes += bytes;
        sum.chosen = uint64_t(tensor->chosen);
        break;
      }
    }
  }
  for (const auto& [block, sum] : routed) {
    const uint64_t kept = uint64_t(widths.at(block)[Axis::experts]);
    cost.active_parameters += sum.elements / kept * sum.chosen;
    cost.decode_bytes_per_token += sum.bytes / kept * sum.chosen;
  }
  return cost;
}

}  // namespace starnest
