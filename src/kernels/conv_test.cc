#include "kernels/conv.h"

#include "kernels/cpu/test_util.h"
#include "kernels/ref/conv.h"

namespace starnest {
namespace {

using test::Machine;
using test::Matrix;

// One convolution's operands; run() leaves the result in y and the new history in history.
struct Case {
  Case(size_t T, size_t C, size_t W, size_t padding = 0)
      : x(T, C, 1, padding, -3, 3),
        taps(C, W, 2, padding),
        bias(1, C, 3, padding),
        history(W - 1, C, 4, padding, -3, 3),
        y(T, C, 5, padding) {}

  void run(int threads = 1) {
    Machine machine(threads);
    causal_conv_silu(machine.exec, x.view(), taps.view(), bias.vec(), history.view(), y.view());
  }
  void run_ref() { ref::causal_conv_silu(x.view(), taps.view(), bias.vec(), history.view(), y.view()); }

  Matrix x, taps, bias, history, y;
};

TEST(CausalConv, AgreesWithRefOnEveryWidthNumberOfChannelsAndNumberOfTokens) {
  test::for_each_instruction_set([] {
    for (const size_t W : {1, 2, 3, 4, 5})
      for (const size_t T : {0, 1, 2, 3, 4, 9})
        for (size_t C = 1; C <= 49; ++C) {
          Case got(T, C, W, 3), want(T, C, W);
          got.run();
          want.run_ref();
          EXPECT_TRUE(test::near(got.y.view(), want.y.view(), test::sum_tolerance(3 * W)))
              << T << "x" << C << " W=" << W;
          EXPECT_TRUE(test::same_bits(got.history.view(), want.history.view())) << T << "x" << C << " W=" << W;
          EXPECT_TRUE(got.y.padding_untouched() && got.history.padding_untouched());
        }
  });
}

TEST(CausalConv, MultipliesTheCurrentTokenByTheLastTapAndKeepsInputsInTheHistory) {
  test::for_each_instruction_set([] {
    Machine machine;
    Matrix x(2, 1, 1), taps(1, 4, 1), history(3, 1, 1), y(2, 1, 1);
    for (size_t j = 0; j < 4; ++j) taps.view()(0, j) = float(j + 1);
    for (size_t j = 0; j < 3; ++j) history.view()(j, 0) = float(100 * j);
    x.view()(0, 0) = 5, x.view()(1, 0) = -7;
    causal_conv_silu(machine.exec, x.view(), taps.view(), {}, history.view(), y.view());
    EXPECT_EQ(y.view()(0, 0), 0 * 1 + 100 * 2 + 200 * 3 + 5 * 4);
    EXPECT_EQ(y.view()(1, 0), 100 * 1 + 200 * 2 + 5 * 3 - 7 * 4);
    EXPECT_EQ(history.view()(0, 0), 200);
    EXPECT_EQ(history.view()(1, 0), 5);
    EXPECT_EQ(history.view()(2, 0), -7);
  });
}

TEST(CausalConv, GivesTheSameBitsInAnyChunkingOfTheTokensAndInPlace) {
  test::for_each_instruction_set([] {
    for (const size_t W : {2, 3, 4}) {
      Case whole(13, 37, W), chunked(13, 37, W), in_place(13, 37, W);
      whole.run();
      Machine machine;
      for (size_t t = 0, n = 1; t < 13; t += n, n = std::min<size_t>(n + 1, 13 - t))
        causal_conv_silu(machine.exec, chunked.x.view().row_range(t, n), chunked.taps.view(), chunked.bias.vec(),
                         chunked.history.view(), chunked.y.view().row_range(t, n));
      causal_conv_silu(machine.exec, in_place.x.view(), in_place.taps.view(), in_place.bias.vec(),
                       in_place.history.view(), in_place.x.view());
      EXPECT_TRUE(test::same_bits(chunked.y.view(), whole.y.view()));
      EXPECT_TRUE(test::same_bits(chunked.history.view(), whole.history.view()));
      EXPECT_TRUE(test::same_bits(in_place.x.view(), whole.y.view()));
      EXPECT_TRUE(test::same_bits(in_place.history.view(), whole.history.view()));
    }
  });
}

TEST(CausalConv, GivesTheSameBitsForAnyNumberOfThreadsStridesAndSubsetsOfChannels) {
  test::for_each_instruction_set([] {
    Case want(9, 2503, 4);
    want.run();
    for (const int threads : {2, 3}) {
      Case got(9, 2503, 4, 3);
      got.run(threads);
      EXPECT_TRUE(test::same_bits(got.y.view(), want.y.view())) << threads << " threads";
      EXPECT_TRUE(test::same_bits(got.history.view(), want.history.view())) << threads << " threads";
    }
    Case some(9, 2503, 4);
    Machine machine;
    causal_conv_silu(machine.exec, some.x.view().col_range(5, 30), some.taps.view().row_range(5, 30),
                     {some.bias.vec().data + 5, 30}, some.history.view().col_range(5, 30),
                     some.y.view().col_range(5, 30));
    EXPECT_TRUE(test::same_bits(some.y.view().col_range(5, 30), want.y.view().col_range(5, 30)));
  });
}

}  // namespace
}  // namespace starnest
