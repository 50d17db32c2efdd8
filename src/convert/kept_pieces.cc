#include "convert/kept_pieces.h"

#include <algorithm>
#include <optional>

#include "base/check.h"
#include "base/quantized.h"
#include "base/text.h"
#include "starnest/error.h"

namespace starnest {
namespace {

// The innermost dimension in units of `per` elements.
std::vector<KeptDimension> in_units(std::vector<KeptDimension> dims, size_t per) {
  dims.back().extent /= per;
  for (IndexRange& range : dims.back().kept) range = {range.begin / per, range.count / per};
  return dims;
}

KeptPiece whole(const TensorRef& tensor) {
  KeptPiece piece{tensor, {}};
  for (const uint64_t extent : tensor.info->shape) piece.dims.push_back({size_t(extent), {{0, size_t(extent)}}});
  return piece;
}

}  // namespace

std::vector<uint64_t> KeptPiece::shape() const {
  std::vector<uint64_t> shape;
  for (const KeptDimension& dim : dims) {
    uint64_t count = 0;
    for (const IndexRange& range : dim.kept) count += range.count;
    shape.push_back(count);
  }
  return shape;
}

uint64_t KeptPiece::bytes() const {
  uint64_t bytes = size_of(source.info->dtype);
  for (const uint64_t extent : shape()) bytes *= extent;
  return bytes;
}

std::vector<KeptPiece> kept_pieces(const StoredTensor& tensor, const Widths& widths) {
  const std::vector<KeptDimension> dims = kept_dimensions(tensor.spec.dims, widths.at(tensor.spec.block));
  std::vector<KeptPiece> pieces;
  if (tensor.encoding == Encoding::nvfp4) {
    require_whole_blocks(tensor, dims.back().kept);
    pieces.push_back({tensor.codes, in_units(dims, 2)});
    pieces.push_back({*tensor.scales, in_units(dims, kNvfp4Block)});
  } else {
    pieces.push_back({tensor.codes, dims});
  }
  for (const std::optional<TensorRef>& scalar : {tensor.tensor_scale, tensor.input_scale, tensor.kv_scale})
    if (scalar) pieces.push_back(whole(*scalar));
  return pieces;
}

std::string name_in_slice(const StoredTensor& tensor, const KeptPiece& piece, std::string_view sliced) {
  const std::string_view old_module = module_of(tensor.spec.name);
  const std::string_view stored = piece.source.info->name;
  SN_CHECK(stored.starts_with(old_module), "a piece of another module");
  return std::string(module_of(sliced)) + std::string(stored.substr(old_module.size()));
}

}  // namespace starnest
