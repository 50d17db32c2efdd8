#include "kernels/packed_matmul.h"

#include "kernels/embed.h"
#include "kernels/expert_matmul.h"
#include "kernels/ref/packed_matmul.h"

namespace starnest {

void matmul(const Exec&, MatView<const float> x, std::span<const RowSpan> spans, std::span<const Product> products) {
  for (const Product& product : products) {
    size_t t = 0;
    for (const RowSpan& span : spans)
      for (size_t i = 0; i < span.rows; ++i, ++t)
        ref::row_times(x.row(t), product.w.first(span.shells), product.y.row(t));
  }
}

void expert_matmul(const Exec&, MatView<const float> x, ExpertInput input, const ExpertGroups& groups,
                   std::span<const RowSpan> spans, std::span<const PackedMatrix> experts, MatView<float> y) {
  const auto shells_of = [&](size_t t) {
    for (const RowSpan& span : spans) {
      if (t < span.rows) return span.shells;
      t -= span.rows;
    }
    return size_t{0};
  };
  for (size_t e = 0; e < experts.size(); ++e)
    for (size_t i = groups.begin[e]; i < groups.begin[e + 1]; ++i) {
      const size_t token = size_t(groups.rows[i]);
      ref::row_times(x.row(input == ExpertInput::tokens ? token : i), experts[e].first(shells_of(token)), y.row(i));
    }
}

void embed(const Exec&, std::span<const TokenId> ids, const PackedMatrix& table, MatView<float> y) {
  for (size_t t = 0; t < ids.size(); ++t)
    for (size_t k = 0; k < y.cols; ++k) y(t, k) = ref::element(table, size_t(ids[t]), k);
}

}  // namespace starnest
