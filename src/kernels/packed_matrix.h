// A weight matrix as matmul reads it: a list of shells, each packed in panels.
//
// Shell s turns a matrix of [before.rows, before.cols] into one of [rows, cols]. It adds two blocks, one after the
// other in memory, each one sequential stream:
//   columns  rows [0, before.rows)     x columns [before.cols, cols)
//   rows     rows [before.rows, rows)  x columns [0, cols)
// A block is a sequence of panels of some rows, as the back end wants them (PanelLayout). Panels never cross from the
// rows of one shell to those of the next: the last panel of every shell's rows is filled up with zeros. So a matrix of
// n shells has the same panels in every column block, and a token that uses the first n shells reads the panels of
// their rows only.
#pragma once

#include <cstddef>
#include <span>

#include "base/encoding.h"

namespace starnest {

// Rows of a matrix in host memory, each packed densely as a checkpoint stores it.
struct StoredRows {
  std::span<const std::byte* const> codes;        // where each row begins
  std::span<const std::byte* const> scales = {};  // NVFP4: where the scales of each row's blocks begin
};

// How a back end lays out weights. Encodings: f32, bf16, fp8, nvfp4 (base/quantized.h).
struct PanelLayout {
  size_t rows;                                      // of a panel
  size_t (*bytes)(Encoding encoding, size_t cols);  // of one panel

  // Packs one panel of source.codes.size() <= `rows` rows and `cols` columns; rows beyond become zero. `panel` has
  // bytes(encoding, cols) bytes and lies in host memory.
  void (*pack)(Encoding encoding, const StoredRows& source, size_t cols, std::byte* panel);
};

// Where the columns of a shell may end, but for the last: back ends keep so many together.
constexpr size_t columns_together(Encoding encoding) {
  switch (encoding) {
    case Encoding::bf16:
    case Encoding::fp8:
      return 2;
    case Encoding::nvfp4:
      return 16;
    default:
      return 1;
  }
}

struct PackedShell {
  size_t rows = 0;                  // of the matrix with this shell and all before it
  size_t cols = 0;                  // a multiple of columns_together(), except in the last shell
  const std::byte* data = nullptr;  // memory of a device, aligned to 64 bytes; may be null where the shell adds nothing
};

// Columns [begin, begin + count), all of them added by one shell.
struct ColumnRun {
  size_t shell = 0;
  size_t begin = 0;  // a multiple of columns_together()
  size_t count = 0;  // likewise
};

// Never an owner. Rows and columns never shrink from shell to shell.
struct PackedMatrix {
  Encoding encoding = Encoding::f32;  // not f16
  std::span<const PackedShell> shells;
  // The order in which sums over the columns run, where it is not the ascending one: every column once, column 0 first.
  // Runs of shells that a token does not use are skipped.
  std::span<const ColumnRun> sum_order = {};
  float scale = 1;  // of every number: the tensor scale of quantised weights

  size_t rows() const { return shells.empty() ? 0 : shells.back().rows; }
  size_t cols() const { return shells.empty() ? 0 : shells.back().cols; }
  PackedMatrix first(size_t count) const { return {encoding, shells.first(count), sum_order, scale}; }
};

// The place of shell s among the panels of its matrix.
struct ShellPanels {
  size_t before = 0;  // panels of the shells before it
  size_t own = 0;     // panels of the rows it adds
};
ShellPanels panels_of(const PanelLayout& layout, std::span<const PackedShell> shells, size_t s);

// Bytes of shell s: its columns block, then its rows block.
size_t shell_bytes(const PanelLayout& layout, Encoding encoding, std::span<const PackedShell> shells, size_t s);

// Offset of the rows block in the data of shell s.
size_t rows_block_offset(const PanelLayout& layout, Encoding encoding, std::span<const PackedShell> shells, size_t s);

}  // namespace starnest
