// The innermost piece of every matrix product, one version per instruction set: a panel of 32 rows times a few tokens.
//
// Each version is one file, compiled with flags of its own; all names in it are in an anonymous namespace, since the
// linker would merge same-named templates of two files and run one set's code on a machine that lacks it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cpu/isa.h"

namespace starnest::cpu {

// y[j][r] = (continues ? y[j][r] : 0) + sum over columns, ascending, for j < tokens and r < rows.
struct PanelTile {
  const std::byte* panel;  // kernels/packed_matrix.h
  size_t columns;
  const uint32_t* x;  // of the first column: [columns][x_stride] F32 or [columns/2][x_stride] pairs of BF16
  size_t x_stride;    // tokens that were packed together
  size_t tokens;      // <= max_tokens; the first of those packed together
  float* y;           // of the first token and row
  size_t y_stride;
  size_t rows;       // <= 32
  bool continues;    // adds to what y holds: the sum over earlier columns
  bool reads_ahead;  // bring the panel after this one nearer: it is next for the same tokens
};

// How a kernel reads x: as it is, or as pairs rounded to BF16, low half the even column.
enum class Activations { f32, bf16_pairs };

struct MatmulKernels {
  size_t max_tokens;      // of a tile
  Activations with_bf16;  // what BF16 panels are multiplied with; F32 panels take F32
  void (*bf16)(const PanelTile&);
  void (*f32)(const PanelTile&);
};

const MatmulKernels& kernels_of(Isa isa);

MatmulKernels portable_kernels();
MatmulKernels avx2_kernels();
MatmulKernels avx512_kernels();
MatmulKernels avx512bf16_kernels();

}  // namespace starnest::cpu
