// The innermost piece of every matrix product, one version per instruction set: a panel of 32 rows times a few tokens.
//
// Each version is one file, compiled with flags of its own; all names in it are in an anonymous namespace, since the
// linker would merge same-named templates of two files and run one set's code on a machine that lacks it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/encoding.h"
#include "kernels/cpu/isa.h"

namespace starnest::cpu {

// y[j][r] = (continues ? y[j][r] : 0) + sum over columns, ascending, for j < tokens and r < rows.
struct PanelTile {
  const std::byte* panel;  // kernels/packed_matrix.h
  size_t columns;
  const uint32_t* x;  // of the first column, as the kernel reads it (Activations)
  size_t x_stride;    // tokens that were packed together
  size_t tokens;      // <= max_tokens; the first of those packed together
  float* y;           // of the first token and row
  size_t y_stride;
  size_t rows;       // <= 32
  bool continues;    // adds to what y holds: the sum over earlier columns
  bool reads_ahead;  // bring the panel after this one nearer: it is next for the same tokens
};

// How a kernel reads x.
//   f32          [columns][x_stride]
//   bf16_pairs   [columns/2][x_stride] pairs rounded to BF16, low half the even column
//   int8_blocks  per block of 16 columns [kBlockWords][x_stride]: four words of four int8 each, then the F32 scale of
//                the block, then -12 times the sum of the int8: the start of a sum of codes to which 12 was added
enum class Activations { f32, bf16_pairs, int8_blocks };
inline constexpr size_t kBlockWords = 6;

// E2M1 codes as the integer kernels read them: twice the number, plus 12, so that none is negative.
inline constexpr uint8_t kE2m1Plus12[16] = {12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0};

// E4M3 becomes F32 by way of F16, whose subnormals cost nothing: the bits of a code, moved up, are those of the number
// divided by this.
inline constexpr float kE4m3AsF16 = 256;

// An NVFP4 record (panels.h): the scales of 32 rows, then their codes of 16 columns. Bytes.
inline constexpr size_t kRecordScales = 32;
inline constexpr size_t kRecordBytes = kRecordScales + 32 * 16 / 2;

struct PanelKernel {
  size_t max_tokens;  // of a tile
  Activations reads;
  float x_factor;  // x comes multiplied with it: a power of two by which the kernel's numbers are too small
  void (*run)(const PanelTile&);
};

struct MatmulKernels {
  PanelKernel f32, bf16, fp8, nvfp4;

  const PanelKernel& with(Encoding weight) const {
    return weight == Encoding::f32 ? f32 : weight == Encoding::bf16 ? bf16 : weight == Encoding::fp8 ? fp8 : nvfp4;
  }
};

const MatmulKernels& kernels_of(Isa isa);

MatmulKernels portable_kernels();
MatmulKernels avx2_kernels();
MatmulKernels avx512_kernels();
MatmulKernels avx512bf16_kernels();

}  // namespace starnest::cpu
