// The numbers of a few tokens, packed as a kernel reads them (matmul_tile.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cpu/matmul_tile.h"
#include "kernels/packed_matrix.h"

namespace starnest::cpu {

// What x becomes before it meets a weight. Products that ask for the same share it.
struct InputForm {
  Activations reads;
  float factor;       // of x: the matrix's scale, and the kernel's power of two
  size_t max_tokens;  // of a tile
  bool operator==(const InputForm&) const = default;
};

inline InputForm form_for(const MatmulKernels& kernels, const PackedMatrix& w) {
  const PanelKernel& kernel = kernels.with(w.encoding);
  return {kernel.reads, w.scale * kernel.x_factor, kernel.max_tokens};
}

// Words per token that `columns` take; with it, where a column begins.
size_t words_of(Activations reads, size_t columns);

// One token of a tile in which words of one token lie `stride` apart.
void pack_token(const InputForm& form, const float* x, size_t columns, uint32_t* out, size_t stride);

}  // namespace starnest::cpu
