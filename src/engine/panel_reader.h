// From rows of a file to panels in memory, without the file ever being mapped in.
#pragma once

#include <cstddef>
#include <vector>

#include "format/weights/checkpoint.h"
#include "kernels/packed_matrix.h"
#include "kernels/threads.h"
#include "nest/segments.h"

namespace starnest {

// A matrix as it lies in a file, and the order in which memory wants it.
struct FileMatrix {
  TensorRef tensor;
  uint64_t offset;  // of the matrix in the tensor, bytes
  size_t file_cols;
  std::vector<size_t> row_order, col_order;  // memory position -> index in the file
};

// Owns one buffer per thread of `pool`, which must outlive it. Used by one thread at a time.
class PanelReader {
 public:
  PanelReader(ThreadPool& pool, const PanelLayout& layout);

  // Packs the given rows and columns (memory positions) of `matrix`, converted to `dtype`, as consecutive panels from
  // `out`, in host memory. Returns the byte after them. Throws Error when the file cannot be read.
  std::byte* pack(const FileMatrix& matrix, IndexRange rows, IndexRange cols, DType dtype, std::byte* out);

 private:
  struct Buffers {
    std::vector<std::byte> raw;          // a row, or some, as stored
    std::vector<const std::byte*> rows;  // in staged
    std::vector<std::byte> staged;       // the rows of a panel, [rows][cols] in its type
  };

  ThreadPool& pool_;
  const PanelLayout& layout_;
  std::vector<Buffers> buffers_;
};

// The whole matrix in memory order as F32, row-major.
std::vector<float> read_values(const FileMatrix& matrix);

}  // namespace starnest
