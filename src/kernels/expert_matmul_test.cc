#include "kernels/expert_matmul.h"

#include <algorithm>
#include <memory>

#include "kernels/matmul.h"
#include "kernels/test_util.h"

namespace starnest {
namespace {

using test::Machine;
using test::Matrix;
using test::Packed;
using test::Shape;

constexpr size_t kExperts = 7, kChosen = 3;

// Experts in three shells; the last two experts exist from the second shell on.
struct Experts {
  Matrix numbers;
  std::vector<std::unique_ptr<Packed>> packed;
  std::vector<PackedMatrix> views;

  explicit Experts(Encoding encoding) : numbers(test::rounded(Matrix(kExperts * 70, 64, 2))) {
    for (size_t e = 0; e < kExperts; ++e) {
      std::vector<Shape> shapes{{32, 16}, {48, 48}, {70, 64}};
      if (e >= 5) shapes[0] = {0, 0};
      packed.push_back(std::make_unique<Packed>(encoding, numbers.view().row_range(e * 70, 70), shapes));
      views.push_back(packed.back()->view());
    }
  }
};

// Which experts every token chose: those of the smallest size never one that it lacks.
std::vector<int32_t> choices(const std::vector<RowSpan>& spans) {
  std::vector<int32_t> ids;
  size_t t = 0;
  for (const RowSpan& span : spans)
    for (size_t i = 0; i < span.rows; ++i, ++t) {
      const size_t experts = span.shells == 1 ? 5 : kExperts;
      std::vector<int32_t> own;
      for (size_t j = 0; j < kChosen; ++j) own.push_back(int32_t((t * t + j * 2) % experts));
      std::sort(own.begin(), own.end());
      for (size_t j = 1; j < kChosen; ++j)  // distinct
        while (std::count(own.begin(), own.end(), own[j]) > 1) own[j] = int32_t((size_t(own[j]) + 1) % experts);
      std::sort(own.begin(), own.end());
      ids.insert(ids.end(), own.begin(), own.end());
    }
  return ids;
}

TEST(ExpertMatmul, EverySlotHasTheBitsOfItsTokenAloneWithItsExpert) {
  test::for_each_back_end([] {
    const std::vector<std::vector<RowSpan>> batches{{{1, 3}}, {{2, 3}, {1, 1}}, {{60, 3}, {31, 2}, {17, 1}}};
    for (const Encoding encoding : {Encoding::f32, Encoding::bf16, Encoding::fp8, Encoding::nvfp4})
      for (const auto& spans : batches) {
        const Experts experts(encoding);
        const size_t T = Batch{spans}.rows();
        const std::vector<int32_t> ids = choices(spans);
        const Matrix tokens(T, 64, 1, 3), slots(T * kChosen, 64, 4);
        for (const int threads : {1, 2, 3, 5})
          for (const ExpertInput input : {ExpertInput::tokens, ExpertInput::slots}) {
            Machine machine(threads);
            const ExpertGroups groups = group_by_expert(machine.exec, {ids.data(), T, kChosen, kChosen}, kExperts);
            const Matrix& x = input == ExpertInput::tokens ? tokens : slots;
            Matrix y(T * kChosen, 70, 5, 2, 7, 7);
            expert_matmul(machine.exec, {spans}, x.view(), input, groups, experts.views, y.view());
            EXPECT_TRUE(y.padding_untouched());
            for (size_t t = 0, span = 0, first = 0; t < T; ++t) {
              while (t >= first + spans[span].rows) first += spans[span++].rows;
              for (size_t j = 0; j < kChosen; ++j) {
                const size_t slot = size_t(groups.slots(t, j)), row = input == ExpertInput::tokens ? t : slot;
                const PackedMatrix w = experts.views[size_t(ids[t * kChosen + j])].first(spans[span].shells);
                Matrix want(1, 70, 6, 0, 7, 7);
                Machine one;
                matmul(one.exec, {std::vector<RowSpan>{{1, w.shells.size()}}}, x.view().row_range(row, 1),
                       std::vector<Product>{{w, want.view()}});
                EXPECT_TRUE(test::same_bits(y.view().row_range(slot, 1), want.view())) << t << "," << j;
              }
            }
          }
      }
  });
}

TEST(ExpertMatmul, DoesNothingForNoTokens) {
  test::for_each_back_end([] {
    Machine machine(2);
    const Experts experts(Encoding::f32);
    const Matrix none(0, 64, 1);
    Matrix y(0, 70, 3);
    const ExpertGroups groups = group_by_expert(machine.exec, {nullptr, 0, kChosen, kChosen}, kExperts);
    expert_matmul(machine.exec, {}, none.view(), ExpertInput::tokens, groups, experts.views, y.view());
  });
}

}  // namespace
}  // namespace starnest
