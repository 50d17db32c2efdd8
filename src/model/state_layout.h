// Where the states of a sequence of one size lie.
#pragma once

#include <cstddef>
#include <vector>

namespace starnest {

// The recurrent state is one stretch of floats, zero at the start: matrices, packed, in the order of the blocks. Keys
// and values come in blocks of kKvBlock tokens; each holds those of all attention blocks of the model.
struct StateLayout {
  struct Part {
    size_t block;   // of the model
    size_t offset;  // floats
    size_t rows, cols;
  };
  std::vector<Part> parts;
  size_t floats = 0;
  size_t kv_block_bytes = 0;

  // Appends a matrix; its offset.
  size_t add(size_t block, size_t rows, size_t cols) {
    parts.push_back({block, floats, rows, cols});
    floats += rows * cols;
    return parts.back().offset;
  }
  // Appends so many bytes of keys and values; their offset in every KV block.
  size_t add_kv(size_t bytes) {
    kv_block_bytes += bytes;
    return kv_block_bytes - bytes;
  }
};

}  // namespace starnest
