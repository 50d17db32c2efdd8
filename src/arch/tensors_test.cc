#include "arch/tensors.h"

#include <set>

#include <gtest/gtest.h>

namespace starnest {
namespace {

// A block of every kind, with every bias.
ModelSpec every_kind() {
  ModelSpec spec;
  spec.architecture = "nemotron_h";
  spec.hidden = 64;
  spec.vocab = 32;
  spec.blocks = {Mamba2Spec{.heads = 8, .head_dim = 16, .groups = 2, .state = 16, .conv_width = 4, .proj_bias = true},
                 AttentionSpec{.query_heads = 4, .kv_heads = 2, .head_dim = 16, .scale = 0.25f},
                 MoeSpec{.experts = 4, .experts_per_token = 2, .ffn = 32, .shared_ffn = 64, .shared_bias = true},
                 MlpSpec{.ffn = 96, .bias = true}};
  return spec;
}

// Less of every axis, and the attention block dropped.
Widths small_widths(const ModelSpec& spec) {
  Widths widths = full_widths(spec);
  widths.set_hidden(32);
  widths.blocks[0][Axis::mamba_heads] = 4;
  widths.blocks[0][Axis::mamba_head_dim] = 8;
  widths.blocks[1].kept = false;
  widths.blocks[2][Axis::moe_ffn] = 16;
  widths.blocks[2][Axis::shared_ffn] = 48;
  widths.blocks[2][Axis::experts] = 3;
  widths.blocks[3][Axis::ffn] = 16;
  return widths;
}

TEST(Tensors, TheirPartsCoverThemInOrder) {
  for (const TensorSpec& tensor : tensors_of(every_kind(), Experts::stacked)) {
    const Dimension& split = tensor.dims[tensor.stacked() ? 1 : 0];
    size_t next = 0;
    for (const Part& part : tensor.parts) {
      EXPECT_EQ(part.first, next) << tensor.name;
      EXPECT_GT(part.count, 0u) << tensor.name;
      next += part.count;
    }
    EXPECT_EQ(next, split.size()) << tensor.name;
  }
}

TEST(Tensors, NoTwoPartsOfABlockHaveOneRole) {
  std::set<std::pair<int, Role>> seen;
  for (const TensorSpec& tensor : tensors_of(every_kind(), Experts::stacked))
    for (const Part& part : tensor.parts) EXPECT_TRUE(seen.insert({tensor.block, part.role}).second) << tensor.name;
}

TEST(Tensors, OfASizeAreThoseOfTheModelThatItIsByItself) {
  const ModelSpec spec = every_kind();
  const Widths widths = small_widths(spec);
  for (const Experts experts : {Experts::apart, Experts::stacked}) {
    const std::vector<TensorSpec> own = tensors_of(narrowed(spec, widths), experts);
    const Widths own_widths = full_widths(narrowed(spec, widths));
    size_t next = 0;
    for (const TensorSpec& tensor : tensors_of(spec, experts)) {
      if (!tensor.present(widths)) continue;
      ASSERT_LT(next, own.size());
      EXPECT_EQ(tensor.role, own[next].role) << tensor.name;
      EXPECT_EQ(tensor.shape(widths), own[next].shape(own_widths)) << tensor.name;
      ++next;
    }
    EXPECT_EQ(next, own.size());
  }
}

TEST(Tensors, NamesOfASizeCountItsOwnBlocks) {
  const ModelSpec spec = every_kind();
  std::set<std::string> names;
  for (const TensorSpec& tensor : tensors_of(narrowed(spec, small_widths(spec)))) names.insert(tensor.name);
  EXPECT_TRUE(names.contains("backbone.layers.1.mixer.experts.2.up_proj.weight"));
  EXPECT_FALSE(names.contains("backbone.layers.1.mixer.experts.3.up_proj.weight"));
  EXPECT_TRUE(names.contains("backbone.layers.2.mixer.down_proj.bias"));
  EXPECT_FALSE(names.contains("backbone.layers.3.norm.weight"));
}

TEST(Tensors, AreSpelledAsTheCheckpointSpellsThem) {
  const std::set<std::string_view> stored{"model.embedding.weight", "model.layers.2.mixer.experts.up_proj"};
  const auto tensors = tensors_of(every_kind(), [&](std::string_view name) { return stored.contains(name); });
  EXPECT_EQ(tensors.front().name, "model.embedding.weight");
  size_t found = 0;
  for (const TensorSpec& tensor : tensors) found += stored.contains(tensor.name);
  EXPECT_EQ(found, stored.size());
}

TEST(ModelSpec, TheDialsOfABlockNarrowItAndItsWidths) {
  const ModelSpec spec = every_kind();
  EXPECT_EQ(full_widths(narrowed(spec, full_widths(spec))), full_widths(spec));
  const Widths widths = small_widths(spec);
  const Widths own = full_widths(narrowed(spec, widths));
  ASSERT_EQ(own.blocks.size(), 3u);
  EXPECT_EQ(own.blocks[0], widths.blocks[0]);
  EXPECT_EQ(own.blocks[1], widths.blocks[2]);
  EXPECT_EQ(own.blocks[2], widths.blocks[3]);
}

TEST(ModelSpec, GroupsAndContractionsFollowFromTheDials) {
  const ModelSpec spec = every_kind();
  EXPECT_EQ(dial_of(spec, 0, Axis::mamba_heads).units.groups, 2);
  EXPECT_EQ(dial_of(spec, 1, Axis::query_heads).units.groups, 2);
  EXPECT_EQ(dial_of(spec, -1, Axis::hidden).full(), 64);
  BlockWidths mamba = full_widths(spec).blocks[0];
  mamba[Axis::mamba_head_dim] = 4;
  EXPECT_EQ(contraction_of(dials_of(spec.blocks[0]), Axis::mamba_head_dim, mamba), 8 / 2 * 4);
  EXPECT_EQ(contraction_of(dials_of(spec.blocks[1]), Axis::query_heads, full_widths(spec).blocks[1]), 4 / 2 * 16);
  EXPECT_EQ(contraction_of(dials_of(spec.blocks[2]), Axis::experts, full_widths(spec).blocks[2]), 0);
}

}  // namespace
}  // namespace starnest
