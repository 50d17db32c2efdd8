#include "nest/widths.h"

#include <gtest/gtest.h>

namespace starnest {
namespace {

// Two blocks: one with an MLP, one with experts.
Widths two_blocks() {
  Widths widths;
  widths.blocks.resize(2);
  widths.blocks[0][Axis::ffn] = 96;
  widths.blocks[1][Axis::moe_ffn] = 32;
  widths.blocks[1][Axis::experts] = 8;
  widths.set_hidden(64);
  return widths;
}

TEST(Widths, TheFirstAxisThatGoesBeyondIsNamed) {
  const Widths outer = two_blocks();
  EXPECT_FALSE(first_beyond(outer, outer));
  for (const Axis axis : {Axis::moe_ffn, Axis::experts}) {
    Widths inner = outer;
    inner.blocks[1][axis] += 1;
    EXPECT_EQ(first_beyond(outer, inner), axis);
    inner.set_hidden(65);
    EXPECT_EQ(first_beyond(outer, inner), Axis::hidden);
  }
}

TEST(Widths, ABlockThatOnlyTheInnerSizeKeepsGoesBeyond) {
  const Widths inner = two_blocks();
  Widths outer = inner;
  outer.blocks[1].kept = false;
  EXPECT_EQ(first_beyond(outer, inner), Axis::none);
  EXPECT_TRUE(contains(inner, outer));
}

TEST(Widths, TheWidthsOfADroppedBlockDoNotCount) {
  const Widths outer = two_blocks();
  Widths inner = outer;
  inner.blocks[0].kept = false;
  inner.blocks[0][Axis::ffn] = 1000;
  EXPECT_TRUE(contains(outer, inner));
  EXPECT_EQ(inner.kept_blocks(), 1);
  EXPECT_FALSE(inner.uniform(Axis::ffn));
}

TEST(Widths, OnlyKeptBlocksThatHaveAnAxisCanDiffer) {
  Widths widths = two_blocks();
  EXPECT_FALSE(widths.differ_between_blocks());
  widths.blocks.push_back(widths.blocks[1]);
  widths.blocks[2][Axis::experts] = 4;
  EXPECT_TRUE(widths.differ_between_blocks());
  widths.blocks[2].kept = false;
  EXPECT_FALSE(widths.differ_between_blocks());
}

TEST(Widths, ExpertsAreKeptFromTheFirstOn) {
  BlockWidths widths = two_blocks().blocks[1];
  EXPECT_TRUE(widths.keeps_expert(7));
  EXPECT_FALSE(widths.keeps_expert(8));
  EXPECT_TRUE(widths.keeps_expert(-1));
  widths.kept = false;
  EXPECT_FALSE(widths.keeps_expert(0));
  EXPECT_FALSE(widths.keeps_expert(-1));
}

TEST(Widths, WhatBelongsToNoBlockHasTheResidualAlone) {
  const Widths widths = two_blocks();
  EXPECT_EQ(widths.at(-1), widths.global());
  EXPECT_EQ(widths.global()[Axis::hidden], 64);
  EXPECT_EQ(widths.global()[Axis::ffn], 0);
  EXPECT_EQ(widths.at(0)[Axis::ffn], 96);
}

}  // namespace
}  // namespace starnest
