#include "kernels/elementwise.h"

#include "kernels/ref/ops.h"
#include "kernels/test_util.h"

namespace starnest {
namespace {

using test::Machine;
using test::Matrix;

// All rows as wide as x.
void activated(const Exec& exec, Activation activation, MatView<float> x) {
  const test::Uniform rows(x.rows, x.cols);
  activate(exec, rows.batch(), rows.widths(), activation, x);
}

void softplus(const Exec& exec, VecView<const float> bias, MatView<float> dt) {
  const test::Uniform rows(dt.rows, dt.cols);
  softplus_add(exec, rows.batch(), rows.widths(), bias, dt);
}

TEST(Elementwise, AddAndAddBiasAreExactStridedAndOnAnyNumberOfThreads) {
  test::for_each_back_end([] {
    for (const int threads : {1, 2, 3}) {
      Machine machine(threads);
      const Matrix x(203, 1001, 1, 2), bias(1, 1001, 2, 3);
      Matrix y(203, 1001, 3, 1), z = y;
      const Matrix before = y;
      const test::Uniform rows(203, 1001);
      add(machine.exec, rows.batch(), rows.widths(), x.view(), y.view());
      add_bias(machine.exec, rows.batch(), rows.widths(), bias.vec(), z.view());
      size_t wrong = 0;
      for (size_t t = 0; t < 203; ++t)
        for (size_t i = 0; i < 1001; ++i) {
          wrong += y.view()(t, i) != before.view()(t, i) + x.view()(t, i);
          wrong += z.view()(t, i) != before.view()(t, i) + bias.vec()[i];
        }
      EXPECT_EQ(wrong, 0u);
      EXPECT_TRUE(y.padding_untouched() && z.padding_untouched());
    }
  });
}

TEST(Elementwise, ActivationsAgreeWithRefOnEveryWidthUpToThreeVectors) {
  test::for_each_back_end([] {
    Machine machine;
    for (const Activation activation : {Activation::relu2, Activation::silu})
      for (size_t D = 1; D <= 49; ++D) {
        Matrix x(4, D, D, 3, -30, 30), want = x;
        const test::Uniform rows(4, D);
        ref::activate(machine.exec, rows.batch(), rows.widths(), activation, want.view());
        activated(machine.exec, activation, x.view());
        EXPECT_TRUE(test::near(x.view(), want.view(), 8 * double(FLT_EPSILON))) << D;
        EXPECT_TRUE(x.padding_untouched());
      }
  });
}

TEST(Elementwise, AnActivationHasTheSameBitsWhereverItLiesInARowAndOnAnyNumberOfThreads) {
  test::for_each_back_end([] {
    for (const Activation activation : {Activation::relu2, Activation::silu}) {
      const Matrix x(301, 531, 1, 0, -20, 20);
      Machine machine;
      Matrix alone = x;
      for (size_t i = 0; i < 531; ++i) activated(machine.exec, activation, alone.view().col_range(i, 1));
      for (const int threads : {1, 2, 3}) {
        Machine other(threads);
        Matrix all = x.padded(3);
        activated(other.exec, activation, all.view());
        EXPECT_TRUE(test::same_bits(all.view(), alone.view())) << threads << " threads";
      }
    }
  });
}

TEST(Elementwise, SiluIsZeroFarBelowAndTheIdentityFarAboveAndKeepsNaN) {
  test::for_each_back_end([] {
    Machine machine;
    Matrix x(1, 6, 1);
    const float given[] = {-1e30f, -100, 0, 100, 1e30f, std::numeric_limits<float>::quiet_NaN()};
    std::copy_n(given, 6, x.view().data);
    activated(machine.exec, Activation::silu, x.view());
    EXPECT_NEAR(x.vec()[0], 0, 1e-6);
    EXPECT_NEAR(x.vec()[1], 0, 1e-30);
    EXPECT_EQ(x.vec()[2], 0);
    EXPECT_EQ(x.vec()[3], 100);
    EXPECT_EQ(x.vec()[4], 1e30f);
    EXPECT_TRUE(std::isnan(x.vec()[5]));
  });
}

TEST(Elementwise, EveryOpKeepsToTheWidthOfItsRow) {
  test::for_each_back_end([] {
    constexpr size_t kWidths[] = {3, 10};
    const std::vector<RowSpan> spans{{2, 2}, {2, 1}};
    const Batch batch{spans};
    const Matrix before(4, 12, 1), x(4, 12, 2), bias(1, 12, 3, 0, 1, 2);
    Machine machine(2);
    const auto changed = [&](const auto& op) {
      Matrix y = before;
      op(y.view());
      for_each_row(batch, [&](size_t t, size_t shells) {
        for (size_t i = 0; i < 12; ++i)
          EXPECT_EQ(y.view()(t, i) != before.view()(t, i), i < kWidths[shells - 1]) << t << "," << i;
      });
    };
    changed([&](MatView<float> y) { add(machine.exec, batch, kWidths, x.view(), y); });
    changed([&](MatView<float> y) { add_bias(machine.exec, batch, kWidths, bias.vec(), y); });
    changed([&](MatView<float> y) { activate(machine.exec, batch, kWidths, Activation::silu, y); });
    changed([&](MatView<float> y) { softplus_add(machine.exec, batch, kWidths, bias.vec(), y); });
  });
}

TEST(Elementwise, SoftplusAddsTheBiasFirstAndIsTheIdentityAboveTwenty) {
  test::for_each_back_end([] {
    Machine machine;
    Matrix dt(2, 3, 1, 1);
    const float given[] = {20.5f, -1, 3};
    for (size_t t = 0; t < 2; ++t) std::copy_n(given, 3, dt.view().row(t));
    Matrix bias(1, 3, 2, 0, 1, 1);
    softplus(machine.exec, bias.vec(), dt.view());
    for (size_t t = 0; t < 2; ++t) {
      EXPECT_EQ(dt.view()(t, 0), 21.5f);
      EXPECT_NEAR(dt.view()(t, 1), std::log(2.0), 1e-6);
      EXPECT_NEAR(dt.view()(t, 2), std::log1p(std::exp(4.0)), 1e-6);
    }
    EXPECT_TRUE(dt.padding_untouched());
  });
}

TEST(Elementwise, SoftplusHasTheSameBitsOnAnyNumberOfThreads) {
  test::for_each_back_end([] {
    const Matrix x(200, 64, 1, 0, -5, 25), bias(1, 64, 2);
    Matrix want = x;
    Machine one;
    const test::Uniform rows(200, 64);
    ref::softplus_add(one.exec, rows.batch(), rows.widths(), bias.vec(), want.view());
    for (const int threads : {1, 2, 3}) {
      Machine machine(threads);
      Matrix dt = x.padded(3);
      softplus(machine.exec, bias.vec(), dt.view());
      EXPECT_TRUE(test::same_bits(dt.view(), want.view()));
    }
  });
}

}  // namespace
}  // namespace starnest
