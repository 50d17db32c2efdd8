#include "convert/byte_runs.h"

namespace starnest {
namespace {

struct Walk {
  std::span<const KeptDimension> dims;  // the last one is the innermost that is cut
  std::span<const size_t> stride;       // bytes of one index of each of them
  const std::function<void(size_t, size_t)>& run;

  void operator()(size_t level, size_t base) const {
    const bool innermost = level + 1 == dims.size();
    for (const IndexRange& range : dims[level].kept) {
      const size_t begin = base + range.begin * stride[level];
      if (innermost) {
        run(begin, range.count * stride[level]);
        continue;
      }
      for (size_t i = 0; i < range.count; ++i) (*this)(level + 1, begin + i * stride[level]);
    }
  }
};

}  // namespace

std::vector<KeptDimension> kept_dimensions(std::span<const Dimension> dims, const BlockWidths& widths) {
  std::vector<KeptDimension> kept;
  for (const Dimension& dim : dims) kept.push_back({size_t(extent_of(dim)), kept_ranges(dim, widths)});
  return kept;
}

void for_each_run(std::span<const KeptDimension> dims, size_t element_bytes,
                  const std::function<void(size_t begin, size_t count)>& run) {
  size_t levels = dims.size();
  size_t bytes = element_bytes;
  while (levels > 0 && dims[levels - 1].whole()) bytes *= dims[--levels].extent;
  if (levels == 0) {
    run(0, bytes);
    return;
  }
  std::vector<size_t> stride(levels);
  for (size_t level = levels; level-- > 0;) {
    stride[level] = bytes;
    bytes *= dims[level].extent;
  }
  Walk{dims.first(levels), stride, run}(0, 0);
}

}  // namespace starnest
