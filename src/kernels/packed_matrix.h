// A weight matrix as matmul reads it: a list of shells, each packed in panels.
//
// Shell s turns a matrix of [before.rows, before.cols] into one of [rows, cols]. It adds two blocks, one after the
// other in memory, each one sequential stream:
//   columns  rows [0, before.rows)     x columns [before.cols, cols)
//   rows     rows [before.rows, rows)  x columns [0, cols)
// A block is a sequence of panels of kPanelRows rows, the contraction outermost inside a panel:
//   BF16  [cols/2][kPanelRows][2]  pairs of neighbouring columns; an odd last column is paired with zero
//   F32   [cols][kPanelRows]
// Panels never cross from the rows of one shell to those of the next: the last panel of every shell's rows is filled up
// with zeros. So a matrix of n shells has the same panels in every column block, and a token that uses the first n
// shells reads the panels of their rows only.
#pragma once

#include <cstddef>
#include <span>

#include "base/dtype.h"

namespace starnest {

inline constexpr size_t kPanelRows = 32;

struct PackedShell {
  size_t rows = 0;                  // of the matrix with this shell and all before it
  size_t cols = 0;                  // a multiple of 2, except in the last shell
  const std::byte* data = nullptr;  // aligned to 64 bytes; may be null where the shell adds nothing
};

// Columns [begin, begin + count), all of them added by one shell.
struct ColumnRun {
  size_t shell = 0;
  size_t begin = 0;  // in BF16 matrices a multiple of 2
  size_t count = 0;  // likewise
};

// Never an owner. Rows and columns never shrink from shell to shell.
struct PackedMatrix {
  DType dtype = DType::f32;  // f32 or bf16
  std::span<const PackedShell> shells;
  // The order in which sums over the columns run, where it is not the ascending one: every column once, column 0 first.
  // Runs of shells that a token does not use are skipped.
  std::span<const ColumnRun> sum_order = {};

  size_t rows() const { return shells.empty() ? 0 : shells.back().rows; }
  size_t cols() const { return shells.empty() ? 0 : shells.back().cols; }
  PackedMatrix first(size_t count) const { return {dtype, shells.first(count), sum_order}; }
};

// The place of shell s among the panels of its matrix.
struct ShellPanels {
  size_t before = 0;  // panels of the shells before it
  size_t own = 0;     // panels of the rows it adds
};
ShellPanels panels_of(std::span<const PackedShell> shells, size_t s);

// Bytes of one panel of `cols` columns.
size_t panel_bytes(DType dtype, size_t cols);

// Bytes of shell s: its columns block, then its rows block. A multiple of 64.
size_t shell_bytes(DType dtype, std::span<const PackedShell> shells, size_t s);

// Offset of the rows block in the data of shell s.
size_t rows_block_offset(DType dtype, std::span<const PackedShell> shells, size_t s);

// Packs one panel of `rows` <= kPanelRows rows and `cols` columns. Row r of the source begins at source[r], its numbers
// packed densely in the type of the panel; rows beyond `rows` become zero. `panel` has panel_bytes(dtype, cols) bytes.
void pack_panel(DType dtype, std::span<const std::byte* const> source, size_t cols, std::byte* panel);

}  // namespace starnest
