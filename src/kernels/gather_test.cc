#include "kernels/gather.h"

#include <numeric>

#include "kernels/cpu/test_util.h"

namespace starnest {
namespace {

using test::Machine;
using test::Matrix;

std::vector<int32_t> some_rows(size_t count, size_t of) {  // distinct, neither ascending nor contiguous
  std::vector<int32_t> rows(count);
  for (size_t i = 0; i < count; ++i) rows[i] = int32_t((i * 7 + 3) % of);
  return rows;
}

TEST(GatherRows, CopiesTheNamedRowsOnAnyNumberOfThreads) {
  const Matrix x(401, 501, 1, 3);
  const std::vector<int32_t> rows = some_rows(400, 401);
  for (const int threads : {1, 2, 3}) {
    Machine machine(threads);
    Matrix y(rows.size(), 501, 2, 5);
    gather_rows(machine.exec, x.view(), rows, y.view());
    for (size_t i = 0; i < rows.size(); ++i)
      EXPECT_TRUE(test::same_bits(y.view().row_range(i, 1), x.view().row_range(size_t(rows[i]), 1))) << i;
    EXPECT_TRUE(y.padding_untouched());
  }
}

TEST(ScatterAdd, AddsEachWeightedRowToItsOwnAndLeavesTheOthersAloneOnAnyNumberOfThreads) {
  const Matrix x(380, 501, 1, 3), before(401, 501, 2), weights(1, 380, 3);
  const std::vector<int32_t> rows = some_rows(380, 401);
  Matrix want = before;
  for (size_t i = 0; i < rows.size(); ++i)
    for (size_t c = 0; c < 501; ++c) {
      const float product = weights.vec()[i] * x.view()(i, c);
      want.view()(size_t(rows[i]), c) += product;
    }
  for (const int threads : {1, 2, 3}) {
    Machine machine(threads);
    Matrix y = before.padded(2);
    scatter_add(machine.exec, x.view(), rows, {weights.vec().data, 380}, y.view());
    EXPECT_TRUE(test::same_bits(y.view(), want.view()));
    EXPECT_TRUE(y.padding_untouched());
  }
}

TEST(GatherDeathTest, RefusesARowThatDoesNotExist) {
  Machine machine;
  const Matrix x(2, 4, 1);
  Matrix y(1, 4, 2);
  const std::vector<int32_t> rows = {2};
  EXPECT_DEATH(gather_rows(machine.exec, x.view(), rows, y.view()), "row out of range");
}

}  // namespace
}  // namespace starnest
