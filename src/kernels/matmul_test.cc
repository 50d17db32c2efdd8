#include "kernels/matmul.h"

#include "kernels/cpu/test_util.h"
#include "kernels/ref/matmul.h"

namespace starnest {
namespace {

using test::Bf16Matrix;
using test::Machine;
using test::Matrix;

// More than one tile of rows and tokens, several vectors and a partial one; enough work for three threads.
constexpr size_t kTokens = 9, kRows = 133, kCols = 301;

Matrix product(const Matrix& x, const WeightView& w, int threads = 1, size_t padding = 0) {
  Machine machine(threads);
  Matrix y(x.view().rows, w.rows, 9, padding);
  matmul(machine.exec, x.view(), w, y.view());
  EXPECT_TRUE(y.padding_untouched());
  return y;
}

TEST(Matmul, AgreesWithRefOnEveryContractionUpToThreeVectorsAndEveryTileOfTokensAndRows) {
  test::for_each_instruction_set([] {
    Machine machine;
    for (const size_t K : {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 47, 48, 49, 300})
      for (const size_t T : {1, 2, 3, 4, 5, 6, 7, 8, 12, 13, 60})
        for (const size_t R : {1, 3, 4, 5, 8, 9, 17}) {
          const Matrix x(T, K, 1, 3), w(R, K, 2, 5);
          const Bf16Matrix narrow(R, K, 3, 1);
          Matrix y(T, R, 4, 7), want(T, R, 5);
          for (const WeightView& weight : {w.weight(), narrow.weight()}) {
            ref::matmul(x.view(), weight, want.view());
            matmul(machine.exec, x.view(), weight, y.view());
            EXPECT_TRUE(test::near(y.view(), want.view(), test::sum_tolerance(K))) << T << "x" << R << "x" << K;
          }
          EXPECT_TRUE(y.padding_untouched());
        }
  });
}

TEST(Matmul, AddsTheSumToWhatIsThere) {
  test::for_each_instruction_set([] {
    Machine machine;
    const Matrix x(kTokens, kCols, 1), w(kRows, kCols, 2), before(kTokens, kRows, 3);
    Matrix y = before;
    matmul(machine.exec, x.view(), w.weight(), y.view(), Store::add);
    const Matrix sum = product(x, w.weight());
    for (size_t t = 0; t < kTokens; ++t)
      for (size_t r = 0; r < kRows; ++r) EXPECT_EQ(y.view()(t, r), before.view()(t, r) + sum.view()(t, r));
  });
}

TEST(Matmul, GivesEachTokenTheSameBitsAloneAndAmongAnyNumberOfOthers) {
  test::for_each_instruction_set([] {
    const Matrix x(60, kCols, 1), w(kRows, kCols, 2);
    const Bf16Matrix narrow(kRows, kCols, 3);
    for (const WeightView& weight : {w.weight(), narrow.weight()}) {
      const Matrix all = product(x, weight);
      Machine machine;
      for (size_t T = 1; T <= 14; ++T)
        for (size_t t = 0; t + T <= 60; t += T) {
          Matrix some(T, kRows, 5);
          matmul(machine.exec, x.view().row_range(t, T), weight, some.view());
          EXPECT_TRUE(test::same_bits(some.view(), all.view().row_range(t, T))) << T << " tokens from " << t;
        }
    }
  });
}

TEST(Matmul, GivesEachRowTheSameBitsInAnySubsetOfRows) {
  test::for_each_instruction_set([] {
    const Matrix x(7, kCols, 1), w(kRows, kCols, 2);
    const Matrix all = product(x, w.weight());
    for (const size_t begin : {0, 1, 5, 126})
      for (const size_t count : {1, 2, 4, 7}) {
        const Matrix some = product(x, w.weight().row_range(begin, count));
        EXPECT_TRUE(test::same_bits(some.view(), all.view().col_range(begin, count)))
            << count << " rows from " << begin;
      }
  });
}

TEST(Matmul, GivesTheSameBitsForAnyNumberOfThreadsSplitByRowsOrByTokens) {
  test::for_each_instruction_set([] {
    const Matrix x(kTokens, kCols, 1), w(kRows, kCols, 2), many(400, kCols, 3), few(5, kCols, 4);
    const Matrix by_rows = product(x, w.weight()), by_tokens = product(many, few.weight());
    for (const int threads : {2, 3}) {
      EXPECT_TRUE(test::same_bits(product(x, w.weight(), threads).view(), by_rows.view()));
      EXPECT_TRUE(test::same_bits(product(many, few.weight(), threads).view(), by_tokens.view()));
    }
  });
}

TEST(Matmul, GivesTheSameBitsForPackedAndStridedOperandsAndForASliceInPlace) {
  test::for_each_instruction_set([] {
    const Matrix x(kTokens, kCols, 1), w(kRows, kCols, 2);
    const Matrix packed = product(x, w.weight());
    EXPECT_TRUE(test::same_bits(product(x.padded(5), w.padded(3).weight(), 1, 2).view(), packed.view()));
    Matrix slice(40, 70, 0);
    for (size_t r = 0; r < 40; ++r) std::copy_n(w.view().row(r), 70, slice.view().row(r));
    Matrix in_place(kTokens, 40, 3), sliced(kTokens, 40, 4);
    Machine machine;
    matmul(machine.exec, x.view().col_range(0, 70), w.weight().top_left(40, 70), in_place.view());
    matmul(machine.exec, x.view().col_range(0, 70), slice.weight(), sliced.view());
    EXPECT_TRUE(test::same_bits(in_place.view(), sliced.view()));
  });
}

TEST(Matmul, GivesTheSameBitsForBf16WeightsAndTheSameNumbersInF32) {
  test::for_each_instruction_set([] {
    const Matrix x(kTokens, kCols, 1);
    const Bf16Matrix w(kRows, kCols, 2, 3);
    EXPECT_TRUE(test::same_bits(product(x, w.weight()).view(), product(x, w.as_f32().weight()).view()));
  });
}

TEST(Matmul, GivesTheSameBitsAcrossItsBlocksOfTokens) {
  constexpr size_t T = 70, K = 5003;  // three blocks
  test::for_each_instruction_set([] {
    const Matrix x(T, K, 1), w(9, K, 2);
    const Matrix all = product(x, w.weight());
    Matrix want(T, 9, 3);
    ref::matmul(x.view(), w.weight(), want.view());
    EXPECT_TRUE(test::near(all.view(), want.view(), test::sum_tolerance(K)));
    Machine machine;
    for (size_t t = 0; t < T; ++t) {
      Matrix one(1, 9, 4);
      matmul(machine.exec, x.view().row_range(t, 1), w.weight(), one.view());
      EXPECT_TRUE(test::same_bits(one.view(), all.view().row_range(t, 1)));
    }
  });
}

TEST(Matmul, DoesNothingForNoTokensOrNoRows) {
  Machine machine(2);
  const Matrix x(0, 8, 1), w(3, 8, 2), none(0, 8, 3), one(1, 8, 4);
  Matrix no_tokens(0, 3, 5), no_rows(1, 0, 6);
  matmul(machine.exec, x.view(), w.weight(), no_tokens.view());
  matmul(machine.exec, one.view(), none.weight(), no_rows.view());
}

}  // namespace
}  // namespace starnest
