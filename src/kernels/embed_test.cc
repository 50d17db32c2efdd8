#include "kernels/embed.h"

#include "kernels/cpu/test_util.h"

namespace starnest {
namespace {

TEST(Embed, CopiesTheFirstColumnsOfEachTokensRowExactlyForBothTypesAndAnyNumberOfThreads) {
  const test::Bf16Matrix table(50, 700, 1, 3);
  std::vector<TokenId> ids;
  for (TokenId t = 0; t < 331; ++t) ids.push_back(t * 7 % 50);
  for (const int threads : {1, 2, 3})
    for (const WeightView& weight : {table.weight(), table.as_f32().weight()})
      for (const size_t D : {1, 17, 700}) {
        test::Machine machine(threads);
        test::Matrix y(ids.size(), D, 2, 5);
        embed(machine.exec, ids, weight, y.view());
        for (size_t t = 0; t < ids.size(); ++t)
          EXPECT_TRUE(test::same_bits(y.view().row_range(t, 1),
                                      table.as_f32().view().row_range(size_t(ids[t]), 1).col_range(0, D)));
        EXPECT_TRUE(y.padding_untouched());
      }
}

TEST(EmbedDeathTest, RefusesAnIdOutsideTheTable) {
  const test::Matrix table(5, 4, 1);
  test::Matrix y(1, 4, 2);
  test::Machine machine;
  for (const TokenId id : {-1, 5}) EXPECT_DEATH(embed(machine.exec, {{id}}, table.weight(), y.view()), "token id");
}

}  // namespace
}  // namespace starnest
