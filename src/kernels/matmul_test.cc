#include "kernels/matmul.h"

#include <array>
#include <iostream>

#include "kernels/test_matmul.h"
#include "kernels/test_util.h"

namespace starnest {
namespace {

using test::Machine;
using test::Matrix;
using test::mixed;
using test::Packed;
using test::product;
using test::Shape;
using Spans = std::vector<RowSpan>;

// What x becomes before it meets a weight of this type.
Matrix as_read(const Matrix& x, Encoding encoding) {
  return encoding == Encoding::bf16 && test::device().kernel_path() == "avx512bf16" ? test::rounded(x) : x;
}

// The plain loops over the numbers that were packed as w, and sevens where a row has no output.
Matrix reference(const Matrix& x, const Spans& spans, const Matrix& numbers, const PackedMatrix& w) {
  Matrix y(x.view().rows, w.rows(), 9, 0, 7, 7);
  const Matrix read = as_read(x, w.encoding);
  for_each_row({spans}, [&](size_t t, size_t shells) {
    for (size_t r = 0; r < w.first(shells).rows(); ++r) {
      y.view()(t, r) = 0;
      for (size_t k = 0; k < w.first(shells).cols(); ++k) y.view()(t, r) += read.view()(t, k) * numbers.view()(r, k);
    }
  });
  return y;
}

TEST(InstructionSets, AreNamedWhenTheMachineLacksThem) {
  for (const Isa set : kIsas)
    if (const auto have = available_isas(); std::find(have.begin(), have.end(), set) == have.end())
      std::cout << "not tested, this machine lacks it: " << name_of(set) << "\n";
  EXPECT_EQ(available_isas().front(), Isa::portable);
}

TEST(Matmul, AgreesWithTheLoopsOnEveryPanelTileAndContraction) {
  test::for_each_back_end([] {
    for (const Encoding encoding : {Encoding::f32, Encoding::bf16})
      for (const size_t K : {0, 1, 2, 3, 15, 16, 17, 31, 33, 301})
        for (const size_t R : {1, 2, 15, 16, 17, 31, 32, 33, 64, 70}) {
          const Matrix w = test::rounded(Matrix(R, K, 2));
          const Packed packed(encoding, w.view(), {{R, K}});
          for (const size_t T : {1, 2, 3, 6, 7, 12, 13, 40}) {
            const Matrix x(T, K, 1, 3);
            const Matrix got = product(x, {{T, 1}}, packed.view()), want = reference(x, {{T, 1}}, w, packed.view());
            EXPECT_TRUE(test::near(got.view(), want.view(), test::sum_tolerance(K))) << T << "x" << R << "x" << K;
          }
        }
  });
}

// Shells that add rows, columns, both or nothing, and end inside and at the end of a panel.
const std::vector<std::vector<Shape>> kShells{
    {{32, 64}, {64, 128}, {70, 131}},
    {{1, 16}, {33, 16}, {33, 48}, {40, 49}},
    {{0, 0}, {48, 32}, {48, 32}, {65, 96}},
    {{20, 0}, {20, 16}, {50, 16}, {90, 80}},
};

TEST(Matmul, ARaggedBatchAgreesWithTheLoopsAndLeavesTheRestAlone) {
  test::for_each_back_end([] {
    for (const Encoding encoding : {Encoding::f32, Encoding::bf16})
      for (const auto& shells : kShells) {
        const Spans spans = mixed(shells.size());
        const Matrix w = test::rounded(Matrix(shells.back().rows, shells.back().cols, 2));
        const Matrix x(Batch{spans}.rows(), shells.back().cols, 1, 2);
        const Packed packed(encoding, w.view(), shells);
        for (const int threads : {1, 2, 3, 5})
          EXPECT_TRUE(test::near(product(x, spans, packed.view(), threads).view(),
                                 reference(x, spans, w, packed.view()).view(), test::sum_tolerance(w.view().cols)));
      }
  });
}

TEST(Matmul, ATokenHasTheSameBitsAloneInAnyBatchSlicedAndOnAnyNumberOfThreads) {
  test::for_each_back_end([] {
    for (const Encoding encoding : {Encoding::f32, Encoding::bf16})
      for (const auto& shells : kShells) {
        const test::Stored stored(encoding, test::rounded(Matrix(shells.back().rows, shells.back().cols, 2)).view());
        test::expect_one_path(stored, shells, Matrix(Batch{mixed(shells.size())}.rows(), shells.back().cols, 1));
      }
  });
}

// A sum order is that of another arrangement of the columns: the one where the runs lie one after the other.
TEST(Matmul, SumsInTheGivenOrderOfColumns) {
  test::for_each_back_end([] {
    for (const Encoding encoding : {Encoding::f32, Encoding::bf16}) {
      // Units of 16 columns: 8 of each from shell 0, the rest from shell 1; shell 2 adds two units.
      const std::vector<Shape> shells{{20, 16}, {40, 32}, {75, 64}};
      const std::vector<ColumnRun> order{{0, 0, 8}, {1, 16, 8}, {0, 8, 8}, {1, 24, 8}, {2, 32, 32}};
      const Matrix w = test::rounded(Matrix(75, 64, 2)), x(30, 64, 1);
      const Packed packed(encoding, w.view(), shells);
      const PackedMatrix in_order{encoding, packed.view().shells, order};
      const Spans spans = mixed(shells.size());
      ASSERT_LE(Batch{spans}.rows(), x.view().rows);
      const Matrix got = product(x, spans, in_order);
      EXPECT_TRUE(test::near(got.view(), reference(x, spans, w, in_order).view(), test::sum_tolerance(64)));
      size_t t = 0;
      for (const RowSpan& span : spans) {
        const Shape shape = shells[span.shells - 1];
        Matrix w_alone(shape.rows, shape.cols, 3), x_alone(span.rows, shape.cols, 3);
        size_t to = 0;
        for (const ColumnRun& run : order)
          for (size_t k = run.begin; run.shell < span.shells && k < run.begin + run.count; ++k, ++to) {
            for (size_t r = 0; r < shape.rows; ++r) w_alone.view()(r, to) = w.view()(r, k);
            for (size_t i = 0; i < span.rows; ++i) x_alone.view()(i, to) = x.view()(t + i, k);
          }
        const Packed alone(encoding, w_alone.view(), {shape});
        const Matrix want = product(x_alone, {{span.rows, 1}}, alone.view());
        EXPECT_TRUE(test::same_bits(got.view().row_range(t, span.rows).col_range(0, shape.rows), want.view()));
        t += span.rows;
      }
    }
  });
}

TEST(Matmul, SeveralProductsOfOneInputEqualEachAlone) {
  test::for_each_back_end([] {
    constexpr size_t K = 133;
    const Matrix x(29, K, 1, 5), a = test::rounded(Matrix(70, K, 2)), b = test::rounded(Matrix(3, K, 3));
    const Packed narrow(Encoding::bf16, a.view(), {{70, K}}), wide(Encoding::f32, b.view(), {{3, K}});
    const Spans spans{{29, 1}};
    for (const int threads : {1, 3}) {
      Machine machine(threads);
      Matrix ya(29, 70, 4, 2), yb(29, 3, 5, 2);
      matmul(machine.exec, {spans}, x.view(),
             std::array{Product{narrow.view(), ya.view()}, Product{wide.view(), yb.view()}});
      EXPECT_TRUE(test::same_bits(ya.view(), product(x, spans, narrow.view()).view()));
      EXPECT_TRUE(test::same_bits(yb.view(), product(x, spans, wide.view()).view()));
    }
  });
}

TEST(Matmul, Bf16WeightsGiveTheBitsOfTheSameNumbersInF32WhereTheyAreExpanded) {
  test::for_each_back_end([] {
    if (test::device().kernel_path() == "avx512bf16") return;
    const Matrix x(9, 301, 1), w = test::rounded(Matrix(133, 301, 2));
    const Packed narrow(Encoding::bf16, w.view(), {{133, 301}}), wide(Encoding::f32, w.view(), {{133, 301}});
    EXPECT_TRUE(test::same_bits(product(x, {{9, 1}}, narrow.view()).view(), product(x, {{9, 1}}, wide.view()).view()));
  });
}

TEST(Matmul, ReadsNothingPastATokensOwnWidth) {
  test::for_each_back_end([] {
    const std::vector<Shape> shells{{32, 16}, {64, 40}};
    const Matrix w = test::rounded(Matrix(64, 40, 2));
    Matrix x(5, 40, 1);
    for (size_t t = 2; t < 5; ++t)
      for (size_t k = 16; k < 40; ++k) x.view()(t, k) = std::numeric_limits<float>::quiet_NaN();
    const Packed packed(Encoding::bf16, w.view(), shells);
    const Matrix y = product(x, {{2, 2}, {3, 1}}, packed.view());
    for (size_t t = 0; t < 5; ++t)
      for (size_t r = 0; r < 64; ++r) EXPECT_FALSE(std::isnan(y.view()(t, r))) << t << "," << r;
  });
}

TEST(Matmul, DoesNothingForNoTokens) {
  test::for_each_back_end([] {
    Machine machine(2);
    const Matrix x(0, 8, 1), w(3, 8, 2);
    const Packed packed(Encoding::f32, w.view(), {{3, 8}});
    Matrix y(0, 3, 3);
    matmul(machine.exec, {}, x.view(), std::array{Product{packed.view(), y.view()}});
  });
}

TEST(MatmulDeathTest, RefusesSpansThatAreNotSortedAndShapesThatDoNotFit) {
  Machine machine;
  const Matrix x(4, 8, 1), w(3, 8, 2);
  const Packed packed(Encoding::f32, w.view(), {{2, 4}, {3, 8}});
  Matrix y(4, 3, 3), narrow(4, 2, 3);
  const auto run = [&](const Spans& spans, MatView<float> out) {
    matmul(machine.exec, {spans}, x.view(), std::array{Product{packed.view(), out}});
  };
  EXPECT_DEATH(run({{2, 1}, {2, 2}}, y.view()), "not sorted");
  EXPECT_DEATH(run({{5, 1}}, y.view()), "more rows");
  EXPECT_DEATH(run({{4, 3}}, y.view()), "more shells");
  EXPECT_DEATH(run({{4, 2}}, narrow.view()), "do not fit");
}

}  // namespace
}  // namespace starnest
