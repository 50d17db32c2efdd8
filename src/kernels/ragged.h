// Batches whose tokens use different widths of the same weights.
#pragma once

#include <cstddef>
#include <span>

namespace starnest {

// Consecutive rows of a batch that use the first `shells` shells of every matrix: as many as their size. In a batch,
// `shells` never grows from one span to the next, so the rows that reach any shell are a prefix of the batch.
struct RowSpan {
  size_t rows = 0;
  size_t shells = 0;
};

inline size_t rows_in(std::span<const RowSpan> spans) {
  size_t rows = 0;
  for (const RowSpan& span : spans) rows += span.rows;
  return rows;
}

}  // namespace starnest
