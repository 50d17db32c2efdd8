#include "kernels/conv.h"

#include "kernels/ref/ops.h"
#include "kernels/test_util.h"

namespace starnest {
namespace {

using test::kStart;
using test::Machine;
using test::Matrix;

// One sequence, all rows of x. The history is packed.
template <class Op>
void conv(const Op& op, const Exec& exec, MatView<const float> x, MatView<const float> taps, VecView<const float> bias,
          MatView<float> history, MatView<float> y) {
  const test::Uniform rows(x.rows, x.cols);
  const SequenceRun run{.rows = x.rows, .shells = 1, .state = history.data};
  op(exec, {rows.batch().spans, {&run, x.rows > 0 ? size_t{1} : 0}}, rows.widths(), x, taps, bias, ByShells(kStart), y);
}

// One convolution's operands; run() leaves the result in y and the new history in history.
struct Case {
  Case(size_t T, size_t C, size_t W, size_t padding = 0)
      : x(T, C, 1, padding, -3, 3),
        taps(C, W, 2, padding),
        bias(1, C, 3, padding),
        history(W - 1, C, 4, 0, -3, 3),
        y(T, C, 5, padding) {}

  void run(int threads = 1) {
    Machine machine(threads);
    conv(causal_conv_silu, machine.exec, x.view(), taps.view(), bias.vec(), history.view(), y.view());
  }
  void run_ref() {
    Machine machine;
    conv(ref::causal_conv_silu, machine.exec, x.view(), taps.view(), bias.vec(), history.view(), y.view());
  }

  Matrix x, taps, bias, history, y;
};

TEST(CausalConv, AgreesWithRefOnEveryWidthNumberOfChannelsAndNumberOfTokens) {
  test::for_each_back_end([] {
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
  test::for_each_back_end([] {
    Machine machine;
    Matrix x(2, 1, 1), taps(1, 4, 1), history(3, 1, 1), y(2, 1, 1);
    for (size_t j = 0; j < 4; ++j) taps.view()(0, j) = float(j + 1);
    for (size_t j = 0; j < 3; ++j) history.view()(j, 0) = float(100 * j);
    x.view()(0, 0) = 5, x.view()(1, 0) = -7;
    conv(causal_conv_silu, machine.exec, x.view(), taps.view(), {}, history.view(), y.view());
    EXPECT_EQ(y.view()(0, 0), 0 * 1 + 100 * 2 + 200 * 3 + 5 * 4);
    EXPECT_EQ(y.view()(1, 0), 100 * 1 + 200 * 2 + 5 * 3 - 7 * 4);
    EXPECT_EQ(history.view()(0, 0), 200);
    EXPECT_EQ(history.view()(1, 0), 5);
    EXPECT_EQ(history.view()(2, 0), -7);
  });
}

TEST(CausalConv, GivesTheSameBitsInAnyChunkingOfTheTokensAndInPlace) {
  test::for_each_back_end([] {
    for (const size_t W : {2, 3, 4}) {
      Case whole(13, 37, W), chunked(13, 37, W), in_place(13, 37, W);
      whole.run();
      Machine machine;
      for (size_t t = 0, n = 1; t < 13; t += n, n = std::min<size_t>(n + 1, 13 - t))
        conv(causal_conv_silu, machine.exec, chunked.x.view().row_range(t, n), chunked.taps.view(), chunked.bias.vec(),
             chunked.history.view(), chunked.y.view().row_range(t, n));
      conv(causal_conv_silu, machine.exec, in_place.x.view(), in_place.taps.view(), in_place.bias.vec(),
           in_place.history.view(), in_place.x.view());
      EXPECT_TRUE(test::same_bits(chunked.y.view(), whole.y.view()));
      EXPECT_TRUE(test::same_bits(chunked.history.view(), whole.history.view()));
      EXPECT_TRUE(test::same_bits(in_place.x.view(), whole.y.view()));
      EXPECT_TRUE(test::same_bits(in_place.history.view(), whole.history.view()));
    }
  });
}

TEST(CausalConv, GivesTheSameBitsForAnyNumberOfThreadsStridesAndSubsetsOfChannels) {
  test::for_each_back_end([] {
    Case want(9, 2503, 4);
    want.run();
    for (const int threads : {2, 3}) {
      Case got(9, 2503, 4, 3);
      got.run(threads);
      EXPECT_TRUE(test::same_bits(got.y.view(), want.y.view())) << threads << " threads";
      EXPECT_TRUE(test::same_bits(got.history.view(), want.history.view())) << threads << " threads";
    }
    Machine machine;
    Matrix y(9, 30, 1), history(3, 30, 1);
    const Case all(9, 2503, 4);
    for (size_t j = 0; j < 3; ++j)
      for (size_t c = 0; c < 30; ++c) history.view()(j, c) = all.history.view()(j, 5 + c);
    conv(causal_conv_silu, machine.exec, all.x.view().col_range(5, 30), all.taps.view().row_range(5, 30),
         {all.bias.vec().data + 5, 30}, history.view(), y.view());
    EXPECT_TRUE(test::same_bits(y.view(), want.y.view().col_range(5, 30)));
  });
}

TEST(CausalConv, ABatchOfSequencesHasTheBitsOfEachAlone) {
  test::for_each_back_end([] {
    for (const size_t W : {4, 5}) {
      constexpr size_t kChannels[] = {21, 40}, kHistory[] = {7, 2};
      const size_t rows[] = {3, 1, 70}, shells[] = {2, 2, 1};
      const std::vector<RowSpan> spans{{4, 2}, {70, 1}};
      const Matrix x(74, 40, 1), taps(40, W, 2), bias(1, 40, 3), start(3, 7 + 40 * W, 4);
      for (const int threads : {1, 2, 3}) {
        Matrix states = start, y(74, 40, 5), alone_states = start, alone(74, 40, 5);
        std::vector<SequenceRun> runs;
        Machine machine(threads);
        for (size_t i = 0, first = 0; i < 3; first += rows[i++]) {
          const size_t C = kChannels[shells[i] - 1];
          runs.push_back({.first_row = first, .rows = rows[i], .shells = shells[i], .state = states.view().row(i)});
          const MatView<float> history{alone_states.view().row(i) + kHistory[shells[i] - 1], W - 1, C, C};
          conv(causal_conv_silu, machine.exec, x.view().row_range(first, rows[i]).col_range(0, C),
               taps.view().row_range(0, C), {bias.vec().data, C}, history,
               alone.view().row_range(first, rows[i]).col_range(0, C));
        }
        causal_conv_silu(machine.exec, {spans, runs}, kChannels, x.view(), taps.view(), bias.vec(), kHistory, y.view());
        EXPECT_TRUE(test::same_bits(y.view(), alone.view())) << W << " taps, " << threads << " threads";
        EXPECT_TRUE(test::same_bits(states.view(), alone_states.view()));
      }
    }
  });
}

}  // namespace
}  // namespace starnest
