#include "kernels/embed.h"

#include "kernels/cpu/test_util.h"

namespace starnest {
namespace {

using test::Matrix;
using test::Packed;

TEST(Embed, CopiesTheFirstColumnsOfEachTokensRowExactlyForBothTypesAnyShellsAndAnyNumberOfThreads) {
  const Matrix table = test::rounded(Matrix(50, 701, 1));
  std::vector<TokenId> ids;
  for (TokenId t = 0; t < 331; ++t) ids.push_back(t * 7 % 50);
  const std::vector<std::vector<test::Shape>> splits{{{50, 701}}, {{50, 16}, {50, 16}, {50, 128}, {50, 701}}};
  for (const DType dtype : {DType::f32, DType::bf16})
    for (const auto& shells : splits) {
      const Packed packed(dtype, table.view(), shells);
      for (const int threads : {1, 3})
        for (const size_t D : {1, 16, 17, 700, 701}) {
          test::Machine machine(threads);
          Matrix y(ids.size(), D, 2, 5);
          embed(machine.exec, ids, packed.view(), y.view());
          for (size_t t = 0; t < ids.size(); ++t)
            EXPECT_TRUE(
                test::same_bits(y.view().row_range(t, 1), table.view().row_range(size_t(ids[t]), 1).col_range(0, D)));
          EXPECT_TRUE(y.padding_untouched());
        }
    }
}

TEST(EmbedDeathTest, RefusesAnIdOutsideTheTable) {
  const Matrix table(5, 4, 1);
  const Packed packed(DType::f32, table.view(), {{5, 4}});
  Matrix y(1, 4, 2);
  test::Machine machine;
  for (const TokenId id : {-1, 5}) EXPECT_DEATH(embed(machine.exec, {{id}}, packed.view(), y.view()), "token id");
}

}  // namespace
}  // namespace starnest
