// How a tensor of the file becomes matrices and vectors in memory: which parts it is cut into, and in which order their
// rows and columns lie (nest/segments.h).
#pragma once

#include <cstddef>
#include <vector>

#include "arch/tensors.h"
#include "nest/segments.h"

namespace starnest {

// One part of a tensor. A vector is one row.
struct PartLayout {
  Role role{};
  std::vector<Segment> rows;  // empty for a vector
  std::vector<Segment> cols;
  size_t first_row = 0;  // where the part begins in the file's rows or, of a vector, its numbers
  size_t file_cols = 0;

  size_t rows_of(const BlockWidths& widths) const;  // 1 for a vector
  size_t cols_of(const BlockWidths& widths) const;
  // File indices in memory order, for the sizes `chain` (smallest first).
  std::vector<IndexRange> row_order(const std::vector<BlockWidths>& chain) const;
  std::vector<IndexRange> col_order(const std::vector<BlockWidths>& chain) const;
};

std::vector<PartLayout> parts_of(const TensorSpec& tensor);

// Matrices that matmul and embed read; they are packed in shells. All else are small tables of F32.
bool is_packed(Role role);

}  // namespace starnest
