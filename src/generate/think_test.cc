#include "generate/think.h"

#include <vector>

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace starnest {
namespace {

ThinkTokens tokens(std::vector<TokenId> close = {4}) {
  ThinkTokens think{.start = {3}, .ends = {{4}}, .close = std::move(close), .boundary = {0, 0, 0, 0, 0, 0, 0, true}};
  think.blank = {0, 0, 0, 0, 0, 0, 0, true};
  think.breaks = {2};
  return think;
}

// Feeds `stream` token by token; returns how and after how many tokens thinking ended.
std::pair<ThinkEnd, size_t> run(ThinkBudget::Limits limits, const std::vector<TokenId>& stream) {
  const ThinkTokens think = tokens();
  const ThinkBudget budget(think, limits);
  for (size_t n = 0; n <= stream.size(); ++n)
    if (const auto end = budget.end_after(std::span(stream).first(n), n)) return {*end, n};
  return {ThinkEnd::none, stream.size()};
}

using End = std::pair<ThinkEnd, size_t>;

TEST(ThinkBudget, ABudgetOfZeroEndsBeforeTheFirstToken) {
  EXPECT_EQ(run({.budget = 0, .grace = 8, .limit = 100}, {9, 9}), End(ThinkEnd::forced, 0));
}

TEST(ThinkBudget, TheModelsOwnClosingTagInsideTheBudgetIsNatural) {
  EXPECT_EQ(run({.budget = 10, .grace = 0, .limit = 100}, {9, 7, 4, 9}), End(ThinkEnd::natural, 3));
  EXPECT_EQ(run({.budget = 3, .grace = 0, .limit = 100}, {9, 9, 4}), End(ThinkEnd::natural, 3));
}

TEST(ThinkBudget, InsideTheGraceItEndsAtABoundary) {
  EXPECT_EQ(run({.budget = 2, .grace = 5, .limit = 100}, {7, 9, 9, 7, 9}), End(ThinkEnd::boundary, 4));
  EXPECT_EQ(run({.budget = 2, .grace = 5, .limit = 100}, {9, 7, 9}), End(ThinkEnd::boundary, 2));
}

TEST(ThinkBudget, WithoutABoundaryItIsForcedAfterTheGrace) {
  EXPECT_EQ(run({.budget = 2, .grace = 3, .limit = 100}, {9, 9, 9, 9, 9, 7}), End(ThinkEnd::forced, 5));
  EXPECT_EQ(run({.budget = 2, .grace = 0, .limit = 100}, {9, 9, 9}), End(ThinkEnd::forced, 2));
}

TEST(ThinkBudget, TheAnswersReserveIsAHardLimit) {
  EXPECT_EQ(run({.budget = -1, .grace = 0, .limit = 3}, {9, 7, 9, 9}), End(ThinkEnd::forced, 3));
  EXPECT_EQ(run({.budget = 2, .grace = 50, .limit = 4}, {9, 9, 9, 9, 9}), End(ThinkEnd::forced, 4));
}

TEST(ThinkBudget, ANegativeBudgetNeverIntervenes) {
  EXPECT_EQ(run({.budget = -1, .grace = 0, .limit = 100}, {9, 7, 9, 7}), End(ThinkEnd::none, 4));
}

TEST(ThinkBudget, AClosingThatHasBegunIsOnlyCompleted) {
  const ThinkTokens think = tokens({5, 6, 4});
  const ThinkBudget budget(think, {});
  const std::vector<TokenId> begun{9, 5, 6}, fresh{9, 6};
  EXPECT_EQ(budget.closing(begun), (std::vector<TokenId>{4}));
  EXPECT_EQ(budget.closing(fresh), (std::vector<TokenId>{5, 6, 4}));
}

TEST(ThinkBudget, TokensOfTheThoughtInThePromptCountTowardsNothing) {
  const ThinkTokens think = tokens();
  const ThinkBudget budget(think, {.budget = 2, .grace = 0, .limit = 100});
  const std::vector<TokenId> thought{9, 9, 9, 7, 9};
  EXPECT_EQ(budget.end_after(thought, 1), std::nullopt);
  EXPECT_EQ(budget.end_after(thought, 2), ThinkEnd::forced);
}

// Its first token may stand in the prompt.
TEST(ThinkBudget, AClosingTagOfTwoTokensMayBeginInThePrompt) {
  ThinkTokens think = tokens();
  think.ends = {{5, 4}};
  const std::vector<TokenId> thought{9, 5, 4};
  EXPECT_EQ(ThinkBudget(think, {.limit = 100}).end_after(thought, 1), ThinkEnd::natural);
}

std::optional<size_t> open_at(const std::vector<TokenId>& text) {
  const auto open = open_thought(tokens(), text);
  return open ? std::optional(open->tag) : std::nullopt;
}

TEST(OpenThought, TheLastOpeningTagWithoutAnEndDecides) {
  EXPECT_EQ(open_at({1, 3}), 1u);
  EXPECT_EQ(open_at({1, 3, 7}), 1u);           // a line break behind it
  EXPECT_EQ(open_at({1, 3, 9, 9, 8, 9}), 1u);  // a thought under way
  EXPECT_EQ(open_at({3, 9, 4, 9, 3, 9}), 4u);  // an earlier one is closed
  EXPECT_EQ(open_at({3, 9, 3, 9}), 2u);
  for (const std::vector<TokenId>& closed : {std::vector<TokenId>{}, {1, 9}, {3, 4}, {3, 9, 4, 9}, {4, 9}})
    EXPECT_EQ(open_at(closed), std::nullopt);
}

// As a tag in a user's turn of a prompt that was written by hand.
TEST(OpenThought, NoThoughtReachesAcrossTheEndOfATurn) {
  EXPECT_EQ(open_at({9, 3, 9, 2, 9}), std::nullopt);
  EXPECT_EQ(open_at({9, 3, 9, 2, 9, 3}), 5u);
}

TEST(OpenThought, TheTagMayHaveSeveralTokens) {
  ThinkTokens think = tokens();
  think.start = {5, 6};
  const std::vector<TokenId> open{9, 5, 6, 8}, half{9, 5};
  ASSERT_TRUE(open_thought(think, open));
  EXPECT_EQ(open_thought(think, open)->tag, 1u);
  EXPECT_EQ(open_thought(think, open)->begin, 3u);
  EXPECT_FALSE(open_thought(think, half));
}

TEST(OpeningOf, IsTheTagBehindWhiteSpaceAtMost) {
  const auto opening = [](const std::vector<TokenId>& written) { return opening_of(tokens(), written); };
  EXPECT_EQ(opening({}), Opening::begun);
  EXPECT_EQ(opening({7}), Opening::begun);
  EXPECT_EQ(opening({3}), Opening::done);
  EXPECT_EQ(opening({7, 7, 3}), Opening::done);
  EXPECT_EQ(opening({9}), Opening::none);
  EXPECT_EQ(opening({9, 3}), Opening::none);
  ThinkTokens two = tokens();
  two.start = {5, 6};
  const std::vector<TokenId> first{5}, both{7, 5, 6}, other{5, 9};
  EXPECT_EQ(opening_of(two, first), Opening::begun);
  EXPECT_EQ(opening_of(two, both), Opening::done);
  EXPECT_EQ(opening_of(two, other), Opening::none);
}

// Every ASCII character is a token, by its code, and so are "k>\n" (128) and "</" (129); then come the added ones.
Tokenizer characters(const std::string& added) {
  std::string vocab;
  const auto add = [&](const std::string& text, int id) {
    vocab += (vocab.empty() ? "" : ",") + std::string("\"") + text + "\":" + std::to_string(id);
  };
  for (int c = 33; c < 127; ++c) add(c == '"' || c == '\\' ? std::string("\\") + char(c) : std::string(1, char(c)), c);
  add("\u010a", 10), add("\u0120", 32);  // line break and space, as byte-level vocabularies write them
  add("k>", 126 + 1), add("k>\u010a", 128), add("</", 129);
  return Tokenizer::parse(R"({"model":{"type":"BPE","vocab":{)" + vocab +
                              R"(},"merges":["k >","k> \u010a","< /"]},"normalizer":null,"added_tokens":[)" + added +
                              R"(],"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"use_regex":false},)"
                              R"("decoder":{"type":"ByteLevel"}})",
                          "test");
}

const char* const kNamesTags = "<|im_start|>assistant <think> </think>";

TEST(ThinkTokens, FollowFromTheVocabularyWhereNoFileNamesThem) {
  const TestFolder folder;
  const Tokenizer added =
      characters(R"({"id":140,"content":"<think>","special":true},{"id":141,"content":"</think>","special":false})");
  const auto think = read_think_tokens(folder.path(), &added, 142, "");
  ASSERT_TRUE(think);
  EXPECT_EQ(think->start, (std::vector<TokenId>{140}));
  EXPECT_EQ(think->close, (std::vector<TokenId>{141}));
  EXPECT_EQ(think->visible_ends, (std::vector<std::string>{"</think>"}));
  EXPECT_TRUE(think->boundary[10] && think->boundary[128]);
  EXPECT_NE(error_of([&] { read_think_tokens(folder.path(), &added, 141, ""); }).find("'</think>'"), std::string::npos);
  folder.write("generation_config.json", R"({"think_start_ids": [140, 10], "think_end_ids": [[141]]})");
  EXPECT_EQ(read_think_tokens(folder.path(), &added, 142, "")->start, (std::vector<TokenId>{140}));  // the tag alone
}

TEST(ThinkTokens, TagsWithoutATokenCountWhereTheTemplateNamesThem) {
  const TestFolder folder;
  const Tokenizer plain = characters("");
  EXPECT_FALSE(read_think_tokens(folder.path(), &plain, 142, ""));
  EXPECT_FALSE(read_think_tokens(folder.path(), &plain, 142, "<think> alone"));
  const auto think = read_think_tokens(folder.path(), &plain, 142, kNamesTags);
  ASSERT_TRUE(think);
  // Cut otherwise than alone: "k>" and the line break are one token.
  const std::vector<TokenId> prompt = plain.encode("Hi <think>\n");
  ASSERT_EQ(prompt.back(), 128);
  ASSERT_TRUE(open_thought(*think, prompt));
  EXPECT_EQ(open_thought(*think, prompt)->tag, 3u);
  EXPECT_EQ(open_thought(*think, prompt)->begin, prompt.size());
  EXPECT_FALSE(open_thought(*think, plain.encode("<think>a</think>\n")));
  EXPECT_EQ(opening_of(*think, plain.encode(" <thi")), Opening::begun);
  EXPECT_EQ(opening_of(*think, plain.encode("\n<think>\n")), Opening::done);
  EXPECT_EQ(opening_of(*think, plain.encode("<thing")), Opening::none);
  const ThinkBudget budget(*think, {.limit = 100});
  std::vector<TokenId> thought = plain.encode("\nso</think>\n");
  EXPECT_EQ(budget.end_after(thought, 4), ThinkEnd::natural);
  thought.pop_back();
  EXPECT_EQ(budget.end_after(thought, 4), std::nullopt);
}

}  // namespace
}  // namespace starnest
