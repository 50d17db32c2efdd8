#include "kernels/group.h"

#include <vector>

#include <gtest/gtest.h>

namespace starnest {
namespace {

TEST(GroupByExpert, ListsTheTokensOfEveryExpertInOrderWithTheirWeights) {
  ThreadPool pool(1);
  Arena arena;
  std::vector<int32_t> ids{0, 2, 1, 2, 0, 2};
  std::vector<float> weights{.1f, .2f, .3f, .4f, .5f, .6f};
  const ExpertGroups groups = group_by_expert({pool, arena}, MatView<const int32_t>{ids.data(), 3, 2, 2},
                                              MatView<const float>{weights.data(), 3, 2, 2}, 4);
  const auto rows = [&](size_t e) { return std::vector<int32_t>(groups.rows_of(e).begin(), groups.rows_of(e).end()); };
  EXPECT_EQ(rows(0), (std::vector<int32_t>{0, 2}));
  EXPECT_EQ(rows(1), (std::vector<int32_t>{1}));
  EXPECT_EQ(rows(2), (std::vector<int32_t>{0, 1, 2}));
  EXPECT_TRUE(rows(3).empty());
  EXPECT_EQ(groups.weights_of(2)[1], .4f);
  EXPECT_EQ(groups.weights_of(0)[1], .5f);
}

}  // namespace
}  // namespace starnest
