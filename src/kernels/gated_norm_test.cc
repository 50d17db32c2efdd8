#include "kernels/gated_norm.h"

#include <array>

#include "kernels/ref/ops.h"
#include "kernels/test_util.h"

namespace starnest {
namespace {

using test::Machine;
using test::Matrix;

constexpr float kEps = 1e-5f;

std::vector<HeadPiece> whole_heads(size_t M, size_t P) {
  std::vector<HeadPiece> pieces;
  for (size_t m = 0; m < M; ++m) pieces.push_back({m, m * P, P});
  return pieces;
}

using Pieces = std::vector<HeadPiece>;

// All rows with the same pieces.
template <class Op>
void norm(const Op& op, const Exec& exec, const Pieces& pieces, MatView<const float> z, VecView<const float> gain,
          size_t groups, MatView<float> y) {
  const test::Uniform rows(y.rows, y.cols);
  op(exec, rows.batch(), std::array{pieces}, z, gain, kEps, groups, y);
}

Matrix normed(const Matrix& y, const Matrix& z, const Matrix& gain, size_t groups, const Pieces& pieces,
              int threads = 1) {
  Machine machine(threads);
  Matrix result = y;
  norm(gated_norm, machine.exec, pieces, z.view(), gain.vec(), groups, result.view());
  EXPECT_TRUE(result.padding_untouched());
  return result;
}

TEST(GatedNorm, AgreesWithRefOnEveryHeadWidthUpToThreeVectorsAndLeavesOtherChannelsAlone) {
  test::for_each_back_end([] {
    for (size_t P = 1; P <= 49; ++P)
      for (const size_t G : {1, 2, 4}) {
        const Matrix y(3, 4 * P + 1, 1, 3, -2, 2), z(3, 4 * P + 1, 2, 5, -8, 8), gain(1, 4 * P + 1, 3, 1);
        const std::vector<HeadPiece> pieces = whole_heads(4, P);
        Matrix want = y;
        Machine machine;
        norm(ref::gated_norm, machine.exec, pieces, z.view(), gain.vec(), G, want.view());
        const Matrix got = normed(y, z, gain, G, pieces);
        EXPECT_TRUE(test::near(got.view(), want.view(), 2 * test::sum_tolerance(4 * P))) << "P=" << P << " G=" << G;
        EXPECT_TRUE(test::same_bits(got.view().col_range(4 * P, 1), y.view().col_range(4 * P, 1)));
      }
  });
}

TEST(GatedNorm, NormalisesEachGroupOverAllItsPieces) {
  test::for_each_back_end([] {
    const Matrix y(1, 4 * 20, 1), z(1, 4 * 20, 2, 0, 1, 2), gain(1, 4 * 20, 3, 0, 1, 1);
    const Matrix got = normed(y, z, gain, 2, whole_heads(4, 20));
    for (const size_t group : {0, 1}) {
      double squares = 0;
      for (size_t m = group; m < 4; m += 2)
        for (size_t i = 0; i < 20; ++i) squares += std::pow(got.view()(0, m * 20 + i), 2);
      EXPECT_NEAR(squares / 40, 1, 1e-3);
    }
  });
}

TEST(GatedNorm, GivesTheSameBitsHoweverHeadsAreCutIntoPieces) {
  test::for_each_back_end([] {
    const Matrix y(2, 4 * 21, 1), z(2, 4 * 21, 2), gain(1, 4 * 21, 3);
    std::vector<HeadPiece> cut;
    for (const HeadPiece& head : whole_heads(4, 21))
      for (const auto& [begin, count] : {std::pair<size_t, size_t>{0, 5}, {5, 1}, {6, 15}})
        cut.push_back({head.head, head.begin + begin, count});
    EXPECT_TRUE(test::same_bits(normed(y, z, gain, 2, cut).view(), normed(y, z, gain, 2, whole_heads(4, 21)).view()));
  });
}

TEST(GatedNorm, EveryRowOfABatchHasThePiecesOfItsShells) {
  test::for_each_back_end([] {
    const Matrix y(43, 4 * 21, 1), z(43, 4 * 21, 2), gain(1, 4 * 21, 3);
    const std::array pieces{whole_heads(2, 9), whole_heads(4, 21)};
    const std::vector<RowSpan> spans{{3, 2}, {40, 1}};
    for (const int threads : {1, 3}) {
      Machine machine(threads);
      Matrix got = y;
      gated_norm(machine.exec, {spans}, pieces, z.view(), gain.vec(), kEps, 2, got.view());
      for_each_row({spans}, [&](size_t t, size_t shells) {
        Matrix alone = y;
        norm(gated_norm, machine.exec, pieces[shells - 1], z.view().row_range(t, 1), gain.vec(), 2,
             alone.view().row_range(t, 1));
        EXPECT_TRUE(test::same_bits(got.view().row_range(t, 1), alone.view().row_range(t, 1))) << t;
      });
    }
  });
}

TEST(GatedNorm, GivesTheSameBitsForOneTokenOrManyAnyNumberOfThreadsAndStrides) {
  test::for_each_back_end([] {
    const Matrix y(41, 8 * 131, 1), z(41, 8 * 131, 2), gain(1, 8 * 131, 3);
    const std::vector<HeadPiece> pieces = whole_heads(8, 131);
    Matrix alone = y;
    Machine machine;
    for (size_t t = 0; t < 41; ++t)
      norm(gated_norm, machine.exec, pieces, z.view().row_range(t, 1), gain.vec(), 4, alone.view().row_range(t, 1));
    for (const int threads : {1, 2, 3})
      EXPECT_TRUE(test::same_bits(normed(y.padded(3), z.padded(1), gain, 4, pieces, threads).view(), alone.view()));
  });
}

}  // namespace
}  // namespace starnest
