#include "kernels/matmul.h"

#include "kernels/ops.h"

namespace starnest {

void matmul(const Exec& exec, const Batch& batch, MatView<const float> x, std::span<const Product> products) {
  const std::span<const RowSpan> spans = batch.spans;
  const size_t rows = batch.rows();
  SN_CHECK(!products.empty() && rows <= x.rows, "matmul: more rows in the batch than in x");
  for (size_t i = 0; i < spans.size(); ++i) {
    SN_CHECK(i == 0 || spans[i].shells <= spans[i - 1].shells, "matmul: the batch is not sorted, largest size first");
    for (const Product& p : products) {
      SN_CHECK(spans[i].shells <= p.w.shells.size(), "matmul: more shells than the weight has");
      const PackedMatrix w = p.w.first(spans[i].shells);
      SN_CHECK(w.cols() <= x.cols && w.rows() <= p.y.cols && p.y.rows >= rows, "matmul: shapes do not fit");
      SN_CHECK(w.encoding != Encoding::f16, "matmul: there is no product with f16");
    }
  }
  if (rows > 0) exec.device.ops().matmul(exec, batch, x, products);
}

}  // namespace starnest
