#include "nest/segments.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

namespace starnest {
namespace {

BlockWidths mamba(int heads, int channels) {
  BlockWidths widths;
  widths[Axis::mamba_heads] = heads;
  widths[Axis::mamba_head_dim] = channels;
  return widths;
}

// Index by index.
std::vector<size_t> indices_of(std::span<const IndexRange> ranges) {
  std::vector<size_t> indices;
  for (const IndexRange& range : ranges)
    for (size_t i = 0; i < range.count; ++i) indices.push_back(range.begin + i);
  return indices;
}

// 2 groups of 3 heads of 4 channels.
const Segment kHeads{Axis::mamba_heads, 6, 2, Axis::mamba_head_dim, 4};

TEST(Segments, KeepAPrefixOfEveryGroup) {
  const Dimension dimension{plain_segment(Axis::none, 5), kHeads};
  const std::vector<IndexRange> expected{{0, 13}, {17, 8}};
  EXPECT_EQ(kept_ranges(dimension, mamba(4, 4)), expected);
  EXPECT_EQ(kept_extent(dimension, mamba(4, 4)), 21);
}

TEST(Segments, KeepAPrefixOfTheChannelsOfEveryUnit) {
  const std::vector<IndexRange> expected{{0, 2}, {4, 2}, {12, 2}, {16, 2}};
  EXPECT_EQ(kept_ranges({kHeads}, mamba(4, 2)), expected);
}

TEST(Segments, FullWidthIsOneRange) {
  EXPECT_EQ(kept_ranges({kHeads}, mamba(6, 4)), (std::vector<IndexRange>{{0, 24}}));
}

TEST(Segments, InMemoryEverySizeIsAPrefixWithTheIndicesItKeepsInTheFile) {
  const std::vector<BlockWidths> chain{mamba(2, 2), mamba(4, 2), mamba(4, 3), mamba(6, 4)};
  const std::vector<size_t> order = indices_of(memory_order(kHeads, chain));
  EXPECT_EQ(order.size(), 24u);
  for (const BlockWidths& size : chain) {
    const auto kept = kept_indices({kHeads}, size);
    const std::set<size_t> in_file(kept.begin(), kept.end());
    const std::set<size_t> in_memory(order.begin(), order.begin() + std::ptrdiff_t(kept.size()));
    EXPECT_EQ(in_file, in_memory);
  }
}

TEST(Segments, InMemoryHeadsAreRankMajor) {
  const std::vector<BlockWidths> chain{mamba(2, 4), mamba(6, 4)};
  const std::vector<size_t> order = indices_of(memory_order(kHeads, chain));
  const std::vector<size_t> head_starts{0, 12, 4, 16, 8, 20};
  for (size_t head = 0; head < 6; ++head)
    for (size_t c = 0; c < 4; ++c) EXPECT_EQ(order[head * 4 + c], head_starts[head] + c);
}

TEST(Segments, PiecesHoldTheChannelsOfASizeInTheOrderThatItHasAlone) {
  const std::vector<BlockWidths> chain{mamba(2, 2), mamba(4, 3), mamba(6, 4)};
  const std::vector<size_t> order = indices_of(memory_order(kHeads, chain));
  for (const BlockWidths& size : chain) {
    std::vector<size_t> in_file;
    for (const UnitPiece& piece : memory_pieces(kHeads, chain, size)) {
      for (size_t c = 0; c < piece.count; ++c) {
        in_file.push_back(order[piece.begin + c]);
        const size_t head = in_file.back() / 4;  // group-major in the file
        EXPECT_EQ(piece.unit, (head % 3) * 2 + head / 3);
      }
      EXPECT_GE(piece.begin, piece.added_by == 0 ? 0u : size_t(kHeads.kept_extent(chain[piece.added_by - 1])));
      EXPECT_LE(piece.begin + piece.count, size_t(kHeads.kept_extent(chain[piece.added_by])));
    }
    EXPECT_EQ(in_file, indices_of(memory_order(kHeads, std::vector<BlockWidths>{size})));
  }
}

TEST(Segments, AMemoryOrderIsAsFewRangesAsCanBe) {
  const std::vector<BlockWidths> chain{mamba(2, 4), mamba(6, 4)};
  EXPECT_EQ(memory_order(plain_segment(Axis::none, 9), chain), (std::vector<IndexRange>{{0, 9}}));
  EXPECT_EQ(memory_order(kHeads, chain), (std::vector<IndexRange>{{0, 4}, {12, 4}, {4, 4}, {16, 4}, {8, 4}, {20, 4}}));
}

TEST(Segments, APartOfAnOrderHoldsWhatStandsAtItsPositions) {
  const std::vector<IndexRange> order{{8, 4}, {0, 3}, {20, 1}, {21, 5}};
  const std::vector<size_t> all = indices_of(order);
  for (size_t begin = 0; begin <= all.size(); ++begin)
    for (size_t count = 0; begin + count <= all.size(); ++count)
      EXPECT_EQ(indices_of(part_of(order, {begin, count})),
                std::vector<size_t>(all.begin() + long(begin), all.begin() + long(begin + count)));
  EXPECT_EQ(part_of(order, {7, 3}), (std::vector<IndexRange>{{20, 3}}));
}

TEST(Widths, ContainmentLooksAtEveryAxisAndAtDepth) {
  Widths outer;
  outer.blocks = {mamba(6, 4), mamba(6, 4)};
  outer.set_hidden(32);
  Widths inner = outer;
  EXPECT_TRUE(contains(outer, inner));
  inner.blocks[1][Axis::mamba_heads] = 4;
  EXPECT_TRUE(contains(outer, inner));
  EXPECT_FALSE(contains(inner, outer));
  inner.blocks[0].kept = false;
  EXPECT_TRUE(contains(outer, inner));
  EXPECT_EQ(inner.uniform(Axis::mamba_heads), 4);
  EXPECT_EQ(outer.uniform(Axis::mamba_heads), 6);
  outer.blocks[1][Axis::mamba_heads] = 4;
  EXPECT_FALSE(outer.uniform(Axis::mamba_heads).has_value());
  EXPECT_FALSE(outer.uniform(Axis::experts).has_value());
}

}  // namespace
}  // namespace starnest
