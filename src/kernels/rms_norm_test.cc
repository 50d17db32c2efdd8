#include "kernels/rms_norm.h"

#include "kernels/ref/ops.h"
#include "kernels/test_util.h"

namespace starnest {
namespace {

using test::Machine;
using test::Matrix;

constexpr float kEps = 1e-5f;

// All rows as wide as x.
void norm(const Exec& exec, MatView<const float> x, VecView<const float> gain, MatView<float> y, float eps = kEps) {
  const test::Uniform rows(x.rows, x.cols);
  rms_norm(exec, rows.batch(), rows.widths(), x, gain, eps, y);
}

TEST(RmsNorm, AgreesWithRefOnEveryWidthUpToNineVectorsStridedAndInPlace) {
  test::for_each_back_end([] {
    Machine machine;
    for (size_t D = 1; D <= 9 * 16 + 1; ++D) {
      const Matrix x(3, D, D, 3), gain(1, D, 2, 1);
      Matrix y(3, D, 3, 5), want(3, D, 4), in_place = x;
      const test::Uniform rows(3, D);
      ref::rms_norm(machine.exec, rows.batch(), rows.widths(), x.view(), gain.vec(), kEps, want.view());
      norm(machine.exec, x.view(), gain.vec(), y.view());
      norm(machine.exec, in_place.view(), gain.vec(), in_place.view());
      EXPECT_TRUE(test::near(y.view(), want.view(), test::sum_tolerance(D))) << D;
      EXPECT_TRUE(test::same_bits(in_place.view(), y.view())) << D;
      EXPECT_TRUE(y.padding_untouched() && in_place.padding_untouched());
    }
  });
}

TEST(RmsNorm, GivesTheSameBitsForOneTokenOrManyAndForAnyNumberOfThreads) {
  test::for_each_back_end([] {
    const Matrix x(60, 1603, 1), gain(1, 1603, 2);
    Machine machine;
    Matrix alone(60, 1603, 3);
    for (size_t t = 0; t < 60; ++t)
      norm(machine.exec, x.view().row_range(t, 1), gain.vec(), alone.view().row_range(t, 1));
    for (const int threads : {1, 2, 3}) {
      Machine other(threads);
      Matrix y(60, 1603, 4, 3);
      norm(other.exec, x.view(), gain.vec(), y.view());
      EXPECT_TRUE(test::same_bits(y.view(), alone.view())) << threads << " threads";
    }
  });
}

TEST(RmsNorm, NormalisesEveryRowOfABatchOverItsOwnWidthAndLeavesTheRestAlone) {
  test::for_each_back_end([] {
    constexpr size_t kWidths[] = {17, 40, 61};
    const std::vector<RowSpan> spans{{2, 3}, {3, 2}, {90, 1}};
    const Matrix x(95, 61, 1), gain(1, 61, 2), before(95, 61, 3);
    for (const int threads : {1, 3}) {
      Machine machine(threads);
      Matrix y = before;
      rms_norm(machine.exec, {spans}, kWidths, x.view(), gain.vec(), kEps, y.view());
      for_each_row({spans}, [&](size_t t, size_t shells) {
        const size_t width = kWidths[shells - 1];
        Matrix alone(1, width, 4);
        norm(machine.exec, x.view().row_range(t, 1).col_range(0, width), gain.vec(), alone.view());
        EXPECT_TRUE(test::same_bits(y.view().row_range(t, 1).col_range(0, width), alone.view())) << t;
        EXPECT_TRUE(test::same_bits(y.view().row_range(t, 1).col_range(width, 61 - width),
                                    before.view().row_range(t, 1).col_range(width, 61 - width)));
      });
    }
  });
}

TEST(RmsNorm, UsesEpsInsideTheRoot) {
  test::for_each_back_end([] {
    Machine machine;
    Matrix x(1, 20, 1, 0, 0, 0), gain(1, 20, 2, 0, 1, 1);
    x.view()(0, 3) = 2;
    norm(machine.exec, x.view(), gain.vec(), x.view(), 0.05f);
    EXPECT_NEAR(x.view()(0, 3), 2 / std::sqrt(0.25), 1e-6);
    EXPECT_EQ(x.view()(0, 19), 0);
  });
}

}  // namespace
}  // namespace starnest
