#include "kernels/ssm_scan.h"

#include <array>

#include "kernels/ref/ops.h"
#include "kernels/test_util.h"

namespace starnest {
namespace {

using test::kStart;
using test::Machine;
using test::Matrix;

// Heads of P channels, each cut into two pieces (the second parts after all first parts, as shells lie in memory).
std::vector<HeadPiece> two_pieces_per_head(size_t M, size_t P, size_t first) {
  std::vector<HeadPiece> pieces;
  for (size_t m = 0; m < M; ++m) pieces.push_back({m, m * first, first});
  for (size_t m = 0; m < M; ++m) pieces.push_back({m, M * first + m * (P - first), P - first});
  return pieces;
}

struct Case {
  Case(size_t T, size_t M, size_t P, size_t G, size_t N, size_t padding = 0)
      : x(T, M * P, 1, padding),
        dt(T, M, 2, padding, 0.01, 1),
        b(T, G * N, 3, padding),
        c(T, G * N, 4, padding),
        decay(1, M, 5, padding, -2, -0.1),
        skip(1, M, 6, padding),
        state(M * P, N, 7),
        y(T, M * P, 8, padding),
        pieces(two_pieces_per_head(M, P, P * 2 / 3)),
        groups(G) {}

  // Tokens begin .. begin + count only.
  template <class Op>
  void run(const Op& op, const Exec& exec, size_t begin, size_t count) {
    const test::Uniform rows(count, x.view().cols), heads(count, dt.view().cols);
    const auto range = [&](const Matrix& m) { return m.view().row_range(begin, count); };
    const SequenceRun sequence{.rows = count, .shells = 1, .state = state.view().data};
    const SsmInputs in{range(x), range(dt),         range(b),      range(c),       decay.vec(), skip.vec(),
                       groups,   state.view().cols, rows.widths(), heads.widths(), kStart,      std::span(&pieces, 1)};
    op(exec, {rows.batch().spans, {&sequence, 1}}, in, y.view().row_range(begin, count));
  }
  void run(const Exec& exec, size_t begin, size_t count) { run(ssm_scan, exec, begin, count); }
  void run(int threads = 1) {
    Machine machine(threads);
    run(machine.exec, 0, x.view().rows);
  }

  Matrix x, dt, b, c, decay, skip, state, y;
  std::vector<HeadPiece> pieces;
  size_t groups;
};

TEST(SsmScan, AgreesWithRefOnEveryStateSizeAndHeadWidth) {
  test::for_each_back_end([] {
    for (const size_t N : {1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 48, 64, 100, 128})
      for (const size_t P : {1, 3, 4, 6, 16})
        for (const size_t G : {1, 2}) {
          Case got(5, 4, P, G, N, 3), want(5, 4, P, G, N);
          got.run();
          Machine machine;
          want.run(ref::ssm_scan, machine.exec, 0, 5);
          const double tolerance = 5 * test::sum_tolerance(N);  // tokens feed on each other's state
          EXPECT_TRUE(test::near(got.y.view(), want.y.view(), tolerance)) << "N=" << N << " P=" << P << " G=" << G;
          EXPECT_TRUE(test::near(got.state.view(), want.state.view(), tolerance)) << "N=" << N << " P=" << P;
          EXPECT_TRUE(got.y.padding_untouched());
        }
  });
}

TEST(SsmScan, GivesTheSameBitsInAnyChunkingOfTheTokens) {
  test::for_each_back_end([] {
    for (const size_t N : {20, 32}) {
      Case whole(140, 4, 6, 2, N), chunked(140, 4, 6, 2, N);  // more than two of the blocks that the op takes in turn
      whole.run();
      Machine machine;
      for (size_t t = 0, n = 1; t < 140; t += n, n = std::min<size_t>(n + 1, 140 - t)) chunked.run(machine.exec, t, n);
      EXPECT_TRUE(test::same_bits(chunked.y.view(), whole.y.view()));
      EXPECT_TRUE(test::same_bits(chunked.state.view(), whole.state.view()));
    }
  });
}

TEST(SsmScan, GivesTheSameBitsForAnyNumberOfThreadsAndStrides) {
  test::for_each_back_end([] {
    Case want(30, 8, 25, 2, 20);  // threads split inside pieces
    want.run();
    for (const int threads : {2, 3}) {
      Case got(30, 8, 25, 2, 20, 3);
      got.run(threads);
      EXPECT_TRUE(test::same_bits(got.y.view(), want.y.view())) << threads << " threads";
      EXPECT_TRUE(test::same_bits(got.state.view(), want.state.view())) << threads << " threads";
    }
  });
}

TEST(SsmScan, GivesTheSameBitsHoweverAHeadIsCutIntoPiecesAndLeavesOtherChannelsAlone) {
  test::for_each_back_end([] {
    Case want(5, 4, 12, 2, 32), cut(5, 4, 12, 2, 32);
    const Matrix before = cut.y, state_before = cut.state;
    want.run();
    cut.pieces = {{1, 8, 1}, {1, 9, 2}, {1, 11, 5}};  // head 1's first 8 channels, in three parts
    cut.run();
    EXPECT_TRUE(test::same_bits(cut.y.view().col_range(8, 8), want.y.view().col_range(8, 8)));
    EXPECT_TRUE(test::same_bits(cut.y.view().col_range(16, 32), before.view().col_range(16, 32)));
    EXPECT_TRUE(test::same_bits(cut.state.view().row_range(8, 8), want.state.view().row_range(8, 8)));
    EXPECT_TRUE(test::same_bits(cut.state.view().row_range(0, 8), state_before.view().row_range(0, 8)));
  });
}

TEST(SsmScan, ABatchOfSequencesHasTheBitsOfEachAlone) {
  test::for_each_back_end([] {
    constexpr size_t N = 20, kChannels[] = {12, 48}, kHeads[] = {2, 4}, kStates[] = {5, 0};
    const std::array pieces{two_pieces_per_head(2, 6, 4), two_pieces_per_head(4, 12, 8)};
    const size_t rows[] = {3, 1, 70}, shells[] = {2, 2, 1};
    const std::vector<RowSpan> spans{{4, 2}, {70, 1}};
    const Matrix x(74, 48, 1), dt(74, 4, 2, 0, 0.01, 1), b(74, 2 * N, 3), c(74, 2 * N, 4), decay(1, 4, 5, 0, -2, -0.1),
        skip(1, 4, 6), start(3, 48 * N, 7);
    const SsmInputs in{x.view(), dt.view(), b.view(),  c.view(), decay.vec(), skip.vec(),
                       2,        N,         kChannels, kHeads,   kStates,     pieces};
    for (const int threads : {1, 2, 3}) {
      Matrix states = start, y(74, 48, 8), alone_states = start, alone(74, 48, 8);
      std::vector<SequenceRun> runs;
      Machine machine(threads);
      for (size_t i = 0, first = 0; i < 3; first += rows[i++]) {
        runs.push_back({.first_row = first, .rows = rows[i], .shells = shells[i], .state = states.view().row(i)});
        const RowSpan span{rows[i], shells[i]};
        const SequenceRun run{.rows = rows[i], .shells = shells[i], .state = alone_states.view().row(i)};
        SsmInputs own = in;
        for (MatView<const float>* m : {&own.x, &own.dt, &own.b, &own.c}) *m = m->row_range(first, rows[i]);
        ssm_scan(machine.exec, {{&span, 1}, {&run, 1}}, own, alone.view().row_range(first, rows[i]));
      }
      ssm_scan(machine.exec, {spans, runs}, in, y.view());
      EXPECT_TRUE(test::same_bits(y.view(), alone.view())) << threads << " threads";
      EXPECT_TRUE(test::same_bits(states.view(), alone_states.view())) << threads << " threads";
    }
  });
}

TEST(SsmScan, GivesItsScratchBack) {
  Machine machine;
  Case scan(3, 4, 6, 2, 16);
  const Arena::Mark before = machine.arena.mark();
  scan.run(machine.exec, 0, 3);
  EXPECT_EQ(machine.arena.mark().used, before.used);
  EXPECT_EQ(machine.arena.mark().chunk, before.chunk);
}

}  // namespace
}  // namespace starnest
