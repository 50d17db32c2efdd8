// For tests only: products on the device of the moment, and what holds for them in every encoding.
#pragma once

#include <array>
#include <vector>

#include "kernels/matmul.h"
#include "kernels/test_util.h"

namespace starnest::test {

// x times w, in rows with padding; sevens, to see what is left alone.
inline Matrix product(const Matrix& x, const std::vector<RowSpan>& spans, const PackedMatrix& w, int threads = 1,
                      size_t padding = 3) {
  Machine machine(threads);
  Matrix y(x.view().rows, w.rows(), 9, padding, 7, 7);
  matmul(machine.exec, {spans}, x.view(), std::array{Product{w, y.view()}});
  EXPECT_TRUE(y.padding_untouched());
  return y;
}

// Tokens of all sizes, largest first, more than a tile of some.
inline std::vector<RowSpan> mixed(size_t shells) {
  std::vector<RowSpan> spans;
  for (size_t n = shells; n > 0; --n) spans.push_back({n * 4 - 3, n});
  return spans;
}

// A token has the same bits alone, in any batch, sliced and on any number of threads.
inline void expect_one_path(const Stored& stored, const std::vector<Shape>& shells, const Matrix& x) {
  const std::vector<RowSpan> spans = mixed(shells.size());
  const Packed packed(stored, shells);
  const Matrix all = product(x, spans, packed.view());
  for (const int threads : {2, 3, 5})
    EXPECT_TRUE(same_bits(product(x, spans, packed.view(), threads).view(), all.view()));
  size_t t = 0;
  for (const RowSpan& span : spans) {
    const Shape shape = shells[span.shells - 1];
    const Packed slice(stored, {shape});
    for (size_t i = 0; i < span.rows; ++i, ++t) {
      Matrix alone(1, shape.rows, 4), sliced(1, shape.rows, 5);
      Machine machine;
      const MatView<const float> row = x.view().row_range(t, 1);
      const RowSpan own{1, span.shells}, whole{1, 1};
      matmul(machine.exec, {{&own, 1}}, row, std::array{Product{packed.view(), alone.view()}});
      matmul(machine.exec, {{&whole, 1}}, row, std::array{Product{slice.view(), sliced.view()}});
      EXPECT_TRUE(same_bits(alone.view(), all.view().row_range(t, 1).col_range(0, shape.rows)));
      EXPECT_TRUE(same_bits(sliced.view(), alone.view()));
    }
  }
}

}  // namespace starnest::test
