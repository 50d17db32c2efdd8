// A size cut out as a folder of its own against the same size in place, and slices of slices.
#include "core/convert/slice.h"

#include <gtest/gtest.h>

#include "core/base/test_support.h"
#include "golden.h"

namespace starnest {
namespace {

class Slice : public testing::TestWithParam<std::string> {
 protected:
  TestFolder folder;
  FamilySpec family = read_family(golden::folder(GetParam()));
  std::vector<TokenId> ids = golden::read(GetParam(), "full").ids;
};

TEST_P(Slice, ComputesTheBitsOfTheSizeInPlace) {
  Engine in_place(family, {.threads = 1});
  for (const Size& size : family.sizes) {
    const std::filesystem::path out = folder / size.name;
    slice(family, size, out);
    Engine sliced(read_family(out), {.threads = 2});
    const auto a = golden::logits_of(in_place, size.name, ids), b = golden::logits_of(sliced, "full", ids);
    // Where an inner size shortens Mamba heads, the channels of a head do not lie together: equal to rounding only.
    if (GetParam() == "mixed_bf16" && size.name == "full") {
      EXPECT_LE(golden::relative_error(a, b, in_place.vocab()), 1e-5);
    } else {
      EXPECT_TRUE(golden::same_bits(a, b)) << size.name;
    }
  }
}

TEST_P(Slice, OfASliceIsTheSliceOfTheWhole) {
  // "mid" keeps the blocks and axes of which "small" is a prefix; describe "small" inside the sliced "mid".
  const Size &mid = family.size("mid"), &small = family.size("small");
  slice(family, mid, folder / "mid");
  slice(family, small, folder / "direct");
  FamilySpec inner = read_family(folder / "mid");
  Widths widths;
  for (size_t b = 0; b < small.widths.blocks.size(); ++b)
    if (mid.widths.blocks[b].kept) widths.blocks.push_back(small.widths.blocks[b]);
  widths.set_hidden(small.widths.hidden);
  slice(inner, {"small", widths}, folder / "twice");
  const Checkpoint direct(folder / "direct"), twice(folder / "twice");
  size_t tensors = 0;
  for (const SafetensorsFile& file : direct.files())
    for (const TensorInfo& info : file.tensors()) {
      const auto other = twice.find(info.name);
      ASSERT_TRUE(other) << info.name;
      const auto a = file.bytes(info), b = other->bytes();
      EXPECT_TRUE(info.shape == other->info->shape && std::equal(a.begin(), a.end(), b.begin(), b.end())) << info.name;
      ++tensors;
    }
  EXPECT_GT(tensors, 10u);
  EXPECT_EQ(direct.total_bytes(), twice.total_bytes());
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, Slice, testing::ValuesIn(golden::kNames),
                         [](const auto& checkpoint) { return checkpoint.param; });

}  // namespace
}  // namespace starnest
