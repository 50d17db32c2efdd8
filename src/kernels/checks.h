// What the ops check of a batch before a back end sees it.
#pragma once

#include <algorithm>

#include "base/view.h"
#include "kernels/batch.h"

namespace starnest {

// Whether there is a width for every row and `size` holds the widest.
inline bool fits(const Batch& batch, ByShells widths, size_t size) {
  return std::all_of(batch.spans.begin(), batch.spans.end(), [&](const RowSpan& span) {
    return span.shells >= 1 && span.shells <= widths.size() && widths[span.shells - 1] <= size;
  });
}

// Whether every row of the batch, as wide as its shells say, lies in m.
template <class T>
bool fits(const Batch& batch, ByShells widths, const MatView<T>& m) {
  return batch.rows() <= m.rows && fits(batch, widths, m.cols);
}

// Whether the runs cover the rows of the batch in order, each with the shells of its rows.
inline bool runs_cover(const Batch& batch) {
  size_t run = 0, left = 0;
  bool covered = true;
  for_each_row(batch, [&](size_t t, size_t shells) {
    if (left == 0) {
      covered &= run < batch.runs.size() && batch.runs[run].first_row == t && batch.runs[run].rows > 0;
      if (covered) left = batch.runs[run++].rows;
    }
    covered &= left > 0 && batch.runs[run - 1].shells == shells;
    left -= left > 0;
  });
  return covered && left == 0 && run == batch.runs.size();
}

}  // namespace starnest
