#include "model/blocks/linear.h"

#include "kernels/elementwise.h"

namespace starnest {

void add_bias(const Exec& exec, std::span<const RowSpan> spans, const PackedMatrix& w, VecView<const float> bias,
              MatView<float> y) {
  if (!bias.size) return;
  for_each_span(spans, [&](size_t first, size_t rows, size_t size) {
    const size_t width = w.first(size).rows();
    add_bias(exec, prefix(bias, width), part(y, first, rows, width));
  });
}

}  // namespace starnest
