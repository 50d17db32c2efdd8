#include "nest/cost.h"

#include <gtest/gtest.h>

namespace starnest {
namespace {

// One block of 4 experts, of which a token takes 2: a matrix of [channels, hidden] each.
Widths widths(int hidden, int channels, int experts) {
  Widths widths;
  widths.blocks.resize(1);
  widths.blocks[0][Axis::moe_ffn] = channels;
  widths.blocks[0][Axis::experts] = experts;
  widths.set_hidden(hidden);
  return widths;
}

NestedTensor expert(int number) {
  return {.block = 0,
          .expert = number,
          .use = Use::routed,
          .chosen = 2,
          .dims = {{plain_segment(Axis::moe_ffn, 16)}, {plain_segment(Axis::hidden, 32)}}};
}

TEST(Cost, ATensorHasTheShapeThatItsSegmentsLeave) {
  EXPECT_EQ(expert(0).shape(widths(32, 16, 4)), (std::vector<uint64_t>{16, 32}));
  EXPECT_EQ(expert(0).shape(widths(8, 4, 4)), (std::vector<uint64_t>{4, 8}));
  EXPECT_EQ(expert(0).elements(widths(8, 4, 4)), 32u);
}

TEST(Cost, AnExpertIsThereWhereItIsKept) {
  EXPECT_TRUE(expert(1).present(widths(32, 16, 2)));
  EXPECT_FALSE(expert(2).present(widths(32, 16, 2)));
  Widths dropped = widths(32, 16, 4);
  dropped.blocks[0].kept = false;
  EXPECT_FALSE(expert(1).present(dropped));
}

TEST(Cost, OfATokenIsItsShareOfTheExpertsAndOneRowOfTheTable) {
  const NestedTensor table{.use = Use::one_row,
                           .dims = {{plain_segment(Axis::none, 100)}, {plain_segment(Axis::hidden, 32)}}};
  std::vector<NestedTensor> experts;
  for (int e = 0; e < 4; ++e) experts.push_back(expert(e));
  std::vector<CostedTensor> tensors{{&table, Encoding::f32}};
  for (const NestedTensor& tensor : experts) tensors.push_back({&tensor, Encoding::bf16});
  const Cost full = cost_of(tensors, widths(32, 16, 4));
  EXPECT_EQ(full.parameters, 100u * 32 + 4 * 16 * 32);
  EXPECT_EQ(full.active_parameters, 100u * 32 + 2 * 16 * 32);
  EXPECT_EQ(full.bytes, 4u * 100 * 32 + 2 * 4 * 16 * 32);
  EXPECT_EQ(full.decode_bytes_per_token, 4u * 32 + 2 * 2 * 16 * 32);
  const Cost small = cost_of(tensors, widths(16, 8, 3));
  EXPECT_EQ(small.parameters, 100u * 16 + 3 * 8 * 16);
  EXPECT_EQ(small.active_parameters, 100u * 16 + 2 * 8 * 16);
}

TEST(Cost, ScalesOfQuantisedTensorsAreCounted) {
  EXPECT_EQ(stored_bytes(Encoding::f32, 32), 128u);
  EXPECT_EQ(stored_bytes(Encoding::bf16, 32), 64u);
  EXPECT_EQ(stored_bytes(Encoding::fp8, 32), 32u + 8);
  EXPECT_EQ(stored_bytes(Encoding::nvfp4, 32), 16u + 2 + 8);
}

}  // namespace
}  // namespace starnest
