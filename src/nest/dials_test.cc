#include "nest/dials.h"

#include <gtest/gtest.h>

namespace starnest {
namespace {

// 12 heads in 3 groups, of 4 channels that a dial of their own shortens; 8 experts.
const Dials kBlock{{{Axis::mamba_heads, 12, 3, Axis::mamba_head_dim, 4}},
                   {plain_segment(Axis::mamba_head_dim, 4)},
                   {plain_segment(Axis::experts, 8), /*contracted=*/false}};

BlockWidths block_widths(int heads, int channels, int experts) {
  BlockWidths widths;
  widths[Axis::mamba_heads] = heads;
  widths[Axis::mamba_head_dim] = channels;
  widths[Axis::experts] = experts;
  return widths;
}

TEST(Dials, FullWidthsAreThoseOfEveryDialAndNoOther) { EXPECT_EQ(full_widths(kBlock), block_widths(12, 4, 8)); }

TEST(Dials, AContractionIsTheChannelsOfOneGroup) {
  EXPECT_EQ(contraction_of(kBlock, Axis::mamba_heads, block_widths(6, 4, 8)), 2 * 4);
  EXPECT_EQ(contraction_of(kBlock, Axis::mamba_heads, block_widths(6, 3, 8)), 2 * 3);
}

TEST(Dials, ChannelsAreContractedWithTheUnitsThatOwnThem) {
  EXPECT_EQ(contraction_of(kBlock, Axis::mamba_head_dim, block_widths(9, 2, 8)), 3 * 2);
}

TEST(Dials, WhatNoProductSumsOverHasNoContraction) {
  EXPECT_EQ(contraction_of(kBlock, Axis::experts, block_widths(12, 4, 2)), 0);
}

TEST(DialsDeathTest, AnAxisThatTheBlockLacksIsOurOwnMistake) {
  EXPECT_DEATH(dial_of(kBlock, Axis::ffn), "does not have this axis");
}

}  // namespace
}  // namespace starnest
