#include "kernels/rms_norm.h"

#include "kernels/cpu/test_util.h"
#include "kernels/ref/rms_norm.h"

namespace starnest {
namespace {

using test::Machine;
using test::Matrix;

constexpr float kEps = 1e-5f;

TEST(RmsNorm, AgreesWithRefOnEveryWidthUpToNineVectorsStridedAndInPlace) {
  test::for_each_instruction_set([] {
    Machine machine;
    for (size_t D = 1; D <= 9 * 16 + 1; ++D) {
      const Matrix x(3, D, D, 3), gain(1, D, 2, 1);
      Matrix y(3, D, 3, 5), want(3, D, 4), in_place = x;
      ref::rms_norm(x.view(), gain.vec(), kEps, want.view());
      rms_norm(machine.exec, x.view(), gain.vec(), kEps, y.view());
      rms_norm(machine.exec, in_place.view(), gain.vec(), kEps, in_place.view());
      EXPECT_TRUE(test::near(y.view(), want.view(), test::sum_tolerance(D))) << D;
      EXPECT_TRUE(test::same_bits(in_place.view(), y.view())) << D;
      EXPECT_TRUE(y.padding_untouched() && in_place.padding_untouched());
    }
  });
}

TEST(RmsNorm, GivesTheSameBitsForOneTokenOrManyAndForAnyNumberOfThreads) {
  test::for_each_instruction_set([] {
    const Matrix x(60, 1603, 1), gain(1, 1603, 2);
    Machine machine;
    Matrix alone(60, 1603, 3);
    for (size_t t = 0; t < 60; ++t)
      rms_norm(machine.exec, x.view().row_range(t, 1), gain.vec(), kEps, alone.view().row_range(t, 1));
    for (const int threads : {1, 2, 3}) {
      Machine other(threads);
      Matrix y(60, 1603, 4, 3);
      rms_norm(other.exec, x.view(), gain.vec(), kEps, y.view());
      EXPECT_TRUE(test::same_bits(y.view(), alone.view())) << threads << " threads";
    }
  });
}

TEST(RmsNorm, UsesEpsInsideTheRoot) {
  test::for_each_instruction_set([] {
    Machine machine;
    Matrix x(1, 20, 1, 0, 0, 0), gain(1, 20, 2, 0, 1, 1);
    x.view()(0, 3) = 2;
    rms_norm(machine.exec, x.view(), gain.vec(), 0.05f, x.view());
    EXPECT_NEAR(x.view()(0, 3), 2 / std::sqrt(0.25), 1e-6);
    EXPECT_EQ(x.view()(0, 19), 0);
  });
}

}  // namespace
}  // namespace starnest
