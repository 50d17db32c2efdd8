// Which bytes of a stored tensor belong to a size: the kept ranges of its dimensions as runs of consecutive bytes.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "nest/segments.h"

namespace starnest {

// One dimension of a stored tensor: its extent in the full model and the indices that stay.
struct KeptDimension {
  size_t extent = 0;
  std::vector<IndexRange> kept;

  bool whole() const { return kept.size() == 1 && kept.front() == IndexRange{0, extent}; }
};

std::vector<KeptDimension> kept_dimensions(std::span<const Dimension> dims, const BlockWidths& widths);

// Calls `run(begin, count)` for every run of bytes that stays, ascending. Dimensions that are kept whole at the inner
// end merge into one run, so a cut of rows alone is a single run.
void for_each_run(std::span<const KeptDimension> dims, size_t element_bytes,
                  const std::function<void(size_t begin, size_t count)>& run);

}  // namespace starnest
