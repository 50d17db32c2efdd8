#include "kernels/ref/embed.h"

namespace starnest::ref {
namespace {

template <class Number>
void embed_as(std::span<const TokenId> ids, const WeightView& table, MatView<float> y) {
  for (size_t t = 0; t < y.rows; ++t) {
    const Number* row = table.row<Number>(size_t(ids[t]));
    for (size_t i = 0; i < y.cols; ++i) y(t, i) = to_f32(row[i]);
  }
}

}  // namespace

void embed(std::span<const TokenId> ids, const WeightView& table, MatView<float> y) {
  if (table.dtype == DType::bf16)
    embed_as<bf16>(ids, table, y);
  else
    embed_as<float>(ids, table, y);
}

}  // namespace starnest::ref
