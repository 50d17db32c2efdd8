// What ops see of a batch: rows of activations of any sizes, largest size first, cut into runs of one sequence.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "base/view.h"

namespace starnest {

// One number for each number of shells n, at [n - 1]: the width of a row that uses n shells, or where the state of a
// sequence that does lies. Kept by the block of the model that it belongs to.
using ByShells = std::span<const size_t>;

// Consecutive rows of a batch that use the first `shells` shells of every matrix.
struct RowSpan {
  size_t rows = 0;
  size_t shells = 0;
};

// Rows [first_row, first_row + rows) are the tokens from `position` on of one sequence. No two runs share memory.
struct SequenceRun {
  size_t first_row = 0;
  size_t rows = 0;
  size_t position = 0;
  size_t shells = 0;
  float* state = nullptr;               // the recurrent state of all blocks; every op knows its offset
  std::span<std::byte* const> kv = {};  // keys and values of all blocks: token p lies in kv[p / kKvBlock]
};

// `shells` never grows from one span or run to the next, so the rows that reach any shell are a prefix of the batch.
struct Batch {
  std::span<const RowSpan> spans;
  std::span<const SequenceRun> runs = {};  // the same rows by sequence; looked at by ops that have a state only

  size_t rows() const {
    size_t sum = 0;
    for (const RowSpan& span : spans) sum += span.rows;
    return sum;
  }
  size_t shells() const { return spans.empty() ? 0 : spans.front().shells; }  // of the largest size
  // Of the widest row; 0 for no rows.
  size_t widest(ByShells widths) const { return spans.empty() ? 0 : widths[shells() - 1]; }
};

// Calls op(t, shells) for the rows begin .. end of the batch.
template <class Op>
void for_each_row(std::span<const RowSpan> spans, size_t begin, size_t end, const Op& op) {
  size_t first = 0;
  for (const RowSpan& span : spans) {
    for (size_t t = std::max(begin, first); t < std::min(end, first + span.rows); ++t) op(t, span.shells);
    first += span.rows;
  }
}
template <class Op>
void for_each_row(const Batch& batch, const Op& op) {
  for_each_row(batch.spans, 0, batch.rows(), op);
}

}  // namespace starnest
