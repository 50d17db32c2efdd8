#include "kernels/embed.h"

#include "kernels/test_util.h"

namespace starnest {
namespace {

using test::Matrix;
using test::Packed;

// The first y.cols columns of every token's row, in as many shells as that takes.
void embedded(const Exec& exec, const std::vector<TokenId>& ids, const PackedMatrix& table, MatView<float> y) {
  const RowSpan rows{ids.size(), table.shells.size()};
  embed(exec, {{&rows, 1}}, ids, table, y);
}

TEST(Embed, CopiesTheColumnsOfEachTokensShellsExactlyForBothTypesAndAnyNumberOfThreads) {
  test::for_each_back_end([] {
    const Matrix table = test::rounded(Matrix(50, 701, 1));
    std::vector<TokenId> ids;
    for (TokenId t = 0; t < 331; ++t) ids.push_back(t * 7 % 50);
    const std::vector<test::Shape> shells{{50, 16}, {50, 16}, {50, 128}, {50, 701}};
    const std::vector<RowSpan> spans{{31, 4}, {100, 3}, {50, 2}, {150, 1}};
    for (const Encoding encoding : {Encoding::f32, Encoding::bf16}) {
      const Packed packed(encoding, table.view(), shells), whole(encoding, table.view(), {{50, 701}});
      for (const int threads : {1, 3}) {
        test::Machine machine(threads);
        const Matrix before(ids.size(), 701, 2, 5);
        Matrix y = before, all = before;
        embed(machine.exec, {spans}, ids, packed.view(), y.view());
        embedded(machine.exec, ids, whole.view(), all.view());
        for_each_row({spans}, [&](size_t t, size_t used) {
          const size_t D = shells[used - 1].cols;
          const auto row = table.view().row_range(size_t(ids[t]), 1);
          EXPECT_TRUE(test::same_bits(all.view().row_range(t, 1), row));
          EXPECT_TRUE(test::same_bits(y.view().row_range(t, 1).col_range(0, D), row.col_range(0, D)));
          EXPECT_TRUE(test::same_bits(y.view().row_range(t, 1).col_range(D, 701 - D),
                                      before.view().row_range(t, 1).col_range(D, 701 - D)));
        });
        EXPECT_TRUE(y.padding_untouched() && all.padding_untouched());
      }
    }
  });
}

TEST(EmbedDeathTest, RefusesAnIdOutsideTheTable) {
  const Matrix table(5, 4, 1);
  const Packed packed(Encoding::f32, table.view(), {{5, 4}});
  Matrix y(1, 4, 2);
  test::Machine machine;
  for (const TokenId id : {-1, 5}) EXPECT_DEATH(embedded(machine.exec, {id}, packed.view(), y.view()), "token id");
}

}  // namespace
}  // namespace starnest
