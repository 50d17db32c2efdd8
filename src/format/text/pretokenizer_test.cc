#include "format/text/pretokenizer.h"

#include <gtest/gtest.h>

namespace starnest {
namespace {

using Texts = std::vector<std::string>;

PretokenStep split_at(std::string_view pattern, SplitBehavior behavior, bool invert = false) {
  return {.pattern = Regex(pattern, Regex::Syntax::oniguruma, "test"), .behavior = behavior, .invert = invert};
}

Texts pieces(std::vector<PretokenStep> steps, std::string_view text) {
  std::deque<std::string> storage;
  Texts texts;
  for (const Piece& piece : Pretokenizer(std::move(steps)).split(text, storage)) texts.emplace_back(piece.text);
  return texts;
}

Texts pieces(SplitBehavior behavior, std::string_view text, bool invert = false) {
  return pieces({split_at("-", behavior, invert)}, text);
}

// Expected values: HF tokenizers 0.23 on the same text.
TEST(Pretokenizer, BehaviorsAreThoseOfHuggingFace) {
  const std::string text = "the-final--countdown-";
  EXPECT_EQ(pieces(SplitBehavior::isolated, text), (Texts{"the", "-", "final", "-", "-", "countdown", "-"}));
  EXPECT_EQ(pieces(SplitBehavior::removed, text), (Texts{"the", "final", "countdown"}));
  EXPECT_EQ(pieces(SplitBehavior::merged_with_previous, text), (Texts{"the-", "final-", "-", "countdown-"}));
  EXPECT_EQ(pieces(SplitBehavior::merged_with_next, text), (Texts{"the", "-final", "-", "-countdown", "-"}));
  EXPECT_EQ(pieces(SplitBehavior::contiguous, text), (Texts{"the", "-", "final", "--", "countdown", "-"}));
}

TEST(Pretokenizer, InvertedMatchesAreWhatLiesBetween) {
  EXPECT_EQ(pieces(SplitBehavior::removed, "a-b--c", /*invert=*/true), (Texts{"-", "-", "-"}));
  EXPECT_EQ(pieces(SplitBehavior::contiguous, "a-b--c", /*invert=*/true), (Texts{"a", "-", "b", "--", "c"}));
}

TEST(Pretokenizer, StepsCutThePiecesOfTheStepBefore) {
  EXPECT_EQ(pieces({split_at("-", SplitBehavior::removed), split_at("\\p{N}", SplitBehavior::isolated)}, "a1-23"),
            (Texts{"a", "1", "2", "3"}));
  EXPECT_EQ(pieces({}, "ab"), Texts{"ab"});
  EXPECT_EQ(pieces({}, ""), Texts{});
}

TEST(Pretokenizer, AnAddedSpaceHasNoPlaceInTheText) {
  PretokenStep spaces = split_at("b", SplitBehavior::isolated);
  spaces.add_prefix_space = true;
  std::deque<std::string> storage;
  const auto list = Pretokenizer({split_at("-", SplitBehavior::removed), spaces}).split("ab- b", storage);
  ASSERT_EQ(list.size(), 4u);
  EXPECT_EQ(list[0].text, " a");
  EXPECT_EQ(list[0].offset, 0u);
  EXPECT_TRUE(list[0].has_added_space);
  EXPECT_EQ(list[1].text, "b");
  EXPECT_EQ(list[1].offset, 1u);
  EXPECT_FALSE(list[1].has_added_space);
  EXPECT_EQ(list[2].text, " ");
  EXPECT_EQ(list[2].offset, 3u);
  EXPECT_FALSE(list[2].has_added_space);
  EXPECT_EQ(list[3].offset, 4u);
}

}  // namespace
}  // namespace starnest
