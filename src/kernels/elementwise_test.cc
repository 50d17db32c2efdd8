#include "kernels/elementwise.h"

#include "kernels/cpu/test_util.h"
#include "kernels/ref/elementwise.h"

namespace starnest {
namespace {

using test::Machine;
using test::Matrix;

TEST(Elementwise, AddAndAddBiasAreExactStridedAndOnAnyNumberOfThreads) {
  for (const int threads : {1, 2, 3}) {
    Machine machine(threads);
    const Matrix x(203, 1001, 1, 2), bias(1, 1001, 2, 3);
    Matrix y(203, 1001, 3, 1), z = y;
    const Matrix before = y;
    add(machine.exec, x.view(), y.view());
    add_bias(machine.exec, bias.vec(), z.view());
    size_t wrong = 0;
    for (size_t t = 0; t < 203; ++t)
      for (size_t i = 0; i < 1001; ++i) {
        wrong += y.view()(t, i) != before.view()(t, i) + x.view()(t, i);
        wrong += z.view()(t, i) != before.view()(t, i) + bias.vec()[i];
      }
    EXPECT_EQ(wrong, 0u);
    EXPECT_TRUE(y.padding_untouched() && z.padding_untouched());
  }
}

TEST(Elementwise, ActivationsAgreeWithRefOnEveryWidthUpToThreeVectors) {
  test::for_each_instruction_set([] {
    Machine machine;
    for (const Activation activation : {Activation::relu2, Activation::silu})
      for (size_t D = 1; D <= 49; ++D) {
        Matrix x(4, D, D, 3, -30, 30), want = x;
        ref::activate(activation, want.view());
        activate(machine.exec, activation, x.view());
        EXPECT_TRUE(test::near(x.view(), want.view(), 8 * double(FLT_EPSILON))) << D;
        EXPECT_TRUE(x.padding_untouched());
      }
  });
}

TEST(Elementwise, AnActivationHasTheSameBitsWhereverItLiesInARowAndOnAnyNumberOfThreads) {
  test::for_each_instruction_set([] {
    for (const Activation activation : {Activation::relu2, Activation::silu}) {
      const Matrix x(301, 531, 1, 0, -20, 20);
      Machine machine;
      Matrix alone = x;
      for (size_t i = 0; i < 531; ++i) activate(machine.exec, activation, alone.view().col_range(i, 1));
      for (const int threads : {1, 2, 3}) {
        Machine other(threads);
        Matrix all = x.padded(3);
        activate(other.exec, activation, all.view());
        EXPECT_TRUE(test::same_bits(all.view(), alone.view())) << threads << " threads";
      }
    }
  });
}

TEST(Elementwise, SiluIsZeroFarBelowAndTheIdentityFarAboveAndKeepsNaN) {
  test::for_each_instruction_set([] {
    Machine machine;
    Matrix x(1, 6, 1);
    const float given[] = {-1e30f, -100, 0, 100, 1e30f, std::numeric_limits<float>::quiet_NaN()};
    std::copy_n(given, 6, x.view().data);
    activate(machine.exec, Activation::silu, x.view());
    EXPECT_NEAR(x.vec()[0], 0, 1e-6);
    EXPECT_NEAR(x.vec()[1], 0, 1e-30);
    EXPECT_EQ(x.vec()[2], 0);
    EXPECT_EQ(x.vec()[3], 100);
    EXPECT_EQ(x.vec()[4], 1e30f);
    EXPECT_TRUE(std::isnan(x.vec()[5]));
  });
}

TEST(Elementwise, SoftplusAddsTheBiasFirstAndIsTheIdentityAboveTwenty) {
  Machine machine;
  Matrix dt(2, 3, 1, 1);
  const float given[] = {20.5f, -1, 3};
  for (size_t t = 0; t < 2; ++t) std::copy_n(given, 3, dt.view().row(t));
  Matrix bias(1, 3, 2, 0, 1, 1);
  softplus_add(machine.exec, bias.vec(), dt.view());
  for (size_t t = 0; t < 2; ++t) {
    EXPECT_EQ(dt.view()(t, 0), 21.5f);
    EXPECT_NEAR(dt.view()(t, 1), std::log(2.0), 1e-6);
    EXPECT_NEAR(dt.view()(t, 2), std::log1p(std::exp(4.0)), 1e-6);
  }
  EXPECT_TRUE(dt.padding_untouched());
}

TEST(Elementwise, SoftplusHasTheSameBitsOnAnyNumberOfThreads) {
  const Matrix x(200, 64, 1, 0, -5, 25), bias(1, 64, 2);
  Matrix want = x;
  ref::softplus_add(bias.vec(), want.view());
  for (const int threads : {1, 2, 3}) {
    Machine machine(threads);
    Matrix dt = x.padded(3);
    softplus_add(machine.exec, bias.vec(), dt.view());
    EXPECT_TRUE(test::same_bits(dt.view(), want.view()));
  }
}

}  // namespace
}  // namespace starnest
