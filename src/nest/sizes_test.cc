#include "nest/sizes.h"

#include <gtest/gtest.h>

namespace starnest {
namespace {

Sizes three() {
  Sizes sizes;
  for (const auto& [name, hidden] : {std::pair{"small", 16}, std::pair{"mid", 32}, std::pair{"large", 64}})
    sizes.add({name, {.hidden = hidden, .blocks = {}}});
  return sizes;
}

TEST(Sizes, ASizeIsItsNumberFromOneAndTheSmallestComesFirst) {
  const Sizes sizes = three();
  EXPECT_EQ(sizes.largest(), 3u);
  EXPECT_EQ(sizes.at(1).name, "small");
  EXPECT_EQ(sizes.at(3).name, "large");
  EXPECT_EQ(sizes.ascending().front().name, "small");
  ASSERT_EQ(sizes.up_to(2).size(), 2u);
  EXPECT_EQ(sizes.up_to(2).back().name, "mid");
}

TEST(Sizes, AreFoundByNameAndShownLargestFirst) {
  const Sizes sizes = three();
  EXPECT_EQ(sizes.named("mid"), 2u);
  EXPECT_FALSE(sizes.named("Mid"));
  EXPECT_EQ(sizes.names(), (std::vector<std::string>{"large", "mid", "small"}));
  EXPECT_EQ(sizes.largest_first().front().widths.hidden, 64);
}

TEST(SizesDeathTest, NumbersOutsideAreOurOwnMistake) {
  const Sizes sizes = three();
  EXPECT_DEATH(sizes.at(0), "no such size");
  EXPECT_DEATH(sizes.at(4), "no such size");
}

}  // namespace
}  // namespace starnest
