// What a size keeps of a stored tensor: of its numbers, or of its codes and scales where it is quantised.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "arch/paired_checkpoint.h"
#include "convert/byte_runs.h"

namespace starnest {

// Kept elements of one tensor of the checkpoint.
struct KeptPiece {
  TensorRef source;
  std::vector<KeptDimension> dims;

  std::vector<uint64_t> shape() const;
  uint64_t bytes() const;
};

// The codes or numbers first, then what is stored beside them. Slicing never decodes: columns of NVFP4 are kept in
// whole blocks, so that bytes and block scales are prefixes too; scales of whole tensors stay those of the family.
// Throws Error naming the tensor where a cut goes through a block.
std::vector<KeptPiece> kept_pieces(const StoredTensor& tensor, const Widths& widths);

// The name of a piece in a slice in which `tensor` is called `sliced`: what follows the name of the module stays.
std::string name_in_slice(const StoredTensor& tensor, const KeptPiece& piece, std::string_view sliced);

}  // namespace starnest
