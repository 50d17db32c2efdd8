#include "kernels/group.h"

#include <vector>

#include "kernels/test_util.h"

namespace starnest {
namespace {

TEST(GroupByExpert, ListsTheTokensOfEveryExpertInOrderAndWhereEachChoiceStands) {
  test::for_each_back_end([] {
    test::Machine machine;
    std::vector<int32_t> ids{0, 2, 1, 2, 0, 2};
    const ExpertGroups groups = group_by_expert(machine.exec, MatView<const int32_t>{ids.data(), 3, 2, 2}, 4);
    const auto rows = [&](size_t e) {
      return std::vector<int32_t>(groups.rows_of(e).begin(), groups.rows_of(e).end());
    };
    EXPECT_EQ(rows(0), (std::vector<int32_t>{0, 2}));
    EXPECT_EQ(rows(1), (std::vector<int32_t>{1}));
    EXPECT_EQ(rows(2), (std::vector<int32_t>{0, 1, 2}));
    EXPECT_TRUE(rows(3).empty());
    for (size_t t = 0; t < 3; ++t)
      for (size_t j = 0; j < 2; ++j) {
        const size_t slot = size_t(groups.slots(t, j)), e = size_t(ids[t * 2 + j]);
        EXPECT_EQ(groups.rows[slot], int32_t(t));
        EXPECT_TRUE(groups.begin[e] <= slot && slot < groups.begin[e + 1]);
      }
  });
}

}  // namespace
}  // namespace starnest
