// What the blocks see of a batch: rows of activations of any sizes, largest size first, cut into runs of one sequence.
#pragma once

#include <cstddef>
#include <span>
#include <variant>

#include "base/dims.h"
#include "base/view.h"
#include "kernels/attention.h"
#include "kernels/ragged.h"

namespace starnest {

// What a Mamba-2 block carries from token to token. Channels lie in memory order (nest/segments.h).
struct Mamba2State {
  MatView<float> conv_x;   // [W-1, channels] last inputs of the convolution, x part
  MatView<float> conv_bc;  // [W-1, 2*G*N]
  MatView<float> ssm;      // [channels, N]
};

// State of one block for one sequence; blocks without state, or dropped at its size, have monostate.
using BlockState = std::variant<std::monostate, Mamba2State, KvView>;

// Rows [first_row, first_row + rows) of the batch are tokens position.. of one sequence.
struct SequenceRun {
  size_t first_row = 0;
  size_t rows = 0;
  size_t position = 0;
  size_t size = 0;
  std::span<const BlockState> blocks;  // one per block of the model, in order
};

struct Batch {
  std::span<const SequenceRun> runs;  // cover the rows in order; the size never grows
  std::span<const RowSpan> spans;     // the same rows by size (spans_of)
  size_t rows() const { return rows_in(spans); }
};

// Calls op(first_row, rows, size) for every span.
template <class Op>
void for_each_span(std::span<const RowSpan> spans, const Op& op) {
  size_t first = 0;
  for (const RowSpan& span : spans) {
    op(first, span.rows, span.shells);
    first += span.rows;
  }
}

// Rows [first, first + rows) and the first `cols` columns.
template <class T>
MatView<T> part(MatView<T> m, size_t first, size_t rows, size_t cols) {
  return m.row_range(first, rows).col_range(0, cols);
}

}  // namespace starnest
