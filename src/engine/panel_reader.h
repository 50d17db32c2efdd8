// From rows of a file to panels in memory, without the file ever being mapped in.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "arch/paired_checkpoint.h"
#include "kernels/packed_matrix.h"
#include "kernels/threads.h"
#include "nest/segments.h"

namespace starnest {

// A matrix as it lies in a file, and the order in which memory wants it.
struct FileMatrix {
  const StoredTensor* stored;
  uint64_t offset;  // of the matrix in the tensor, bytes
  size_t file_cols;
  std::vector<IndexRange> row_order, col_order;  // indices in the file, in the order of memory
};

// A block of panels in memory that takes some of the columns of the rows that are read.
struct PanelBlock {
  IndexRange cols;           // memory positions
  std::byte* out = nullptr;  // its first panel of those rows
};

// Owns one buffer per thread of `pool`, which must outlive it. Used by one thread at a time.
class PanelReader {
 public:
  PanelReader(ThreadPool& pool, const PanelLayout& layout);

  // Packs the given rows (memory positions) of `matrix` as panels of all blocks: the file is read once for them.
  // `encoding` is that of the file, or F32. The columns of the blocks follow one another. Throws Error when the file
  // cannot be read, and for codes and scales that are no numbers.
  void pack(const FileMatrix& matrix, IndexRange rows, std::span<const PanelBlock> blocks, Encoding encoding);

 private:
  struct Buffers {
    std::vector<std::byte> raw;                           // a row, or some, as stored
    std::vector<std::byte> codes, scales;                 // the rows of a panel, one after the other
    std::vector<const std::byte*> code_rows, scale_rows;  // where those of a block begin
  };

  ThreadPool& pool_;
  const PanelLayout& layout_;
  std::vector<Buffers> buffers_;
};

// The whole matrix, which is stored as plain numbers, in memory order as F32, row-major.
std::vector<float> read_values(const FileMatrix& matrix);

}  // namespace starnest
