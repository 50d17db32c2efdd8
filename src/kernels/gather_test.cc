#include "kernels/gather.h"

#include "kernels/ref/ops.h"
#include "kernels/test_util.h"

namespace starnest {
namespace {

using test::Machine;
using test::Matrix;

// Slot numbers [T, J], each below `limit`.
std::vector<int32_t> some_slots(size_t count, size_t limit) {
  std::vector<int32_t> slots(count);
  for (size_t i = 0; i < count; ++i) slots[i] = int32_t((i * 7 + 3) % limit);
  return slots;
}

TEST(GatherAdd, AddsTheWeightedRowsInOrderOnAnyNumberOfThreadsAndEveryBackEnd) {
  test::for_each_back_end([] {
    for (const size_t D : {1, 7, 16, 33, 501})
      for (const size_t T : {1, 2, 200}) {
        constexpr size_t J = 3;
        const Matrix x(2 * T, D + 4, 1, 3), before(T, D, 2), weights(T, J, 3);
        const std::vector<int32_t> numbers = some_slots(T * J, 2 * T);
        const MatView<const int32_t> slots{numbers.data(), T, J, J};
        Matrix want = before;
        const test::Uniform rows(T, D);
        Machine one;
        ref::gather_add(one.exec, rows.batch(), rows.widths(), x.view(), slots, weights.view(), want.view());
        for (const int threads : {1, 2, 3, 5}) {
          Machine machine(threads);
          Matrix y = before.padded(2);
          gather_add(machine.exec, rows.batch(), rows.widths(), x.view(), slots, weights.view(), y.view());
          EXPECT_TRUE(test::same_bits(y.view(), want.view())) << T << "x" << D;
          EXPECT_TRUE(y.padding_untouched());
        }
      }
  });
}

TEST(TakeRows, CopiesAsManyColumnsAsTheShellsOfARowSay) {
  test::for_each_back_end([] {
    constexpr size_t kWidths[] = {2, 5};
    const std::vector<RowSpan> spans{{2, 2}, {1, 1}};
    const std::vector<size_t> taken{6, 1, 3};
    const Matrix x(7, 5, 1, 2), before(3, 5, 2);
    for (const int threads : {1, 2}) {
      Machine machine(threads);
      Matrix y = before;
      take_rows(machine.exec, {spans}, kWidths, x.view(), taken, y.view());
      for_each_row({spans}, [&](size_t t, size_t shells) {
        for (size_t i = 0; i < 5; ++i)
          EXPECT_EQ(y.view()(t, i), i < kWidths[shells - 1] ? x.view()(taken[t], i) : before.view()(t, i));
      });
    }
  });
}

TEST(GatherDeathTest, RefusesASlotThatDoesNotExist) {
  Machine machine;
  const Matrix x(3, 4, 1), weights(1, 1, 2);
  Matrix y(1, 4, 3);
  const test::Uniform rows(1, 4);
  for (const int32_t slot : {-1, 3})
    EXPECT_DEATH(
        gather_add(machine.exec, rows.batch(), rows.widths(), x.view(), {&slot, 1, 1, 1}, weights.view(), y.view()),
        "slot out of range");
}

}  // namespace
}  // namespace starnest
