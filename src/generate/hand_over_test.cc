#include "generate/hand_over.h"

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "generate/family_impl.h"
#include "starnest/session.h"

namespace starnest {
namespace {

const std::string kPocket = std::string(STARNEST_SOURCE_DIR) + "/models/pocket";
constexpr size_t kSmall = 1, kLarge = 3;  // sizes
const std::string kQuestion = "r:a5b+3c*7d-2e+4f*3?";

TEST(HandOver, ItsTextIsReadAndWritten) {
  for (const char* text : {"recompute", "transplant", "hybrid:16", "shadow:8"})
    EXPECT_EQ(text_of(parse_hand_over(text)), text);
  EXPECT_EQ(text_of(parse_hand_over("shadow")), "shadow:64");
  for (const char* text : {"", "copy", "hybrid", "hybrid:0", "hybrid:x", "shadow:-1", "recompute:4", "transplant:"})
    EXPECT_NE(error_of([&] { parse_hand_over(text); }).find("hand-over"), std::string::npos) << text;
}

class HandOverOfPocket : public ::testing::Test {
 protected:
  Answer ask(const std::string& hand_over, const std::string& think = "small", const std::string& answer = "large") {
    Plan plan{.think_size = think, .answer_size = answer};
    plan.hand_over = hand_over;
    return ask(plan);
  }
  Answer ask(const Plan& plan) { return Session(family_).ask(family_.prompt(kQuestion), {.plan = plan}); }

  Engine& engine() { return family_.impl().engine; }

  // Logits after reading `ids` on top of what the sequence has read.
  std::vector<float> read(Sequence& sequence, const std::vector<TokenId>& ids) {
    BatchItem item{&sequence, ids, Want::last, {}};
    engine().step({&item, 1});
    return {item.logits.row(0), item.logits.row(0) + item.logits.cols};
  }

  Family family_ = Family::open(kPocket, {.threads = 1, .cache_bytes = 0});
};

TEST_F(HandOverOfPocket, TheShadowGivesTheBitsOfRecomputing) {
  const Answer expected = ask("recompute");
  EXPECT_EQ(expected.hand_over, "recompute");
  EXPECT_TRUE(expected.shadow_reports.empty());
  for (const char* mode : {"shadow:1", "shadow:7", "shadow"}) {
    const Answer shadow = ask(mode);
    EXPECT_EQ(shadow.ids, expected.ids) << mode;
    EXPECT_LT(shadow.switch_report.tokens, 64);
    const PhaseReport along = shadow.shadow_reports.empty() ? PhaseReport{} : shadow.shadow_reports.front();
    EXPECT_EQ(shadow.switch_report.tokens + along.tokens, expected.switch_report.tokens) << mode;
  }
  EXPECT_EQ(ask("shadow:1").switch_report.tokens, 1);
}

// Of the states themselves, which a text of a few tokens hardly shows.
TEST_F(HandOverOfPocket, AStateTransplantedIntoItsOwnSizeIsTheSameToTheBit) {
  const std::vector<TokenId> text = family_.prompt(kQuestion), more{8, 34, 44};
  Sequence sequence = engine().start(kLarge);
  read(sequence, text);
  Sequence copy = engine().transplant(sequence, kLarge);
  EXPECT_EQ(copy.position(), text.size());
  EXPECT_EQ(read(copy, more), read(sequence, more));
}

// As a hybrid goes back: keys and values that were written after the mark must not be seen.
TEST_F(HandOverOfPocket, AnEarlierStateOfItsOwnSizeGoesOnToTheSameBits) {
  const std::vector<TokenId> text = family_.prompt(kQuestion), first(text.begin(), text.begin() + 9),
                             rest(text.begin() + 9, text.end());
  for (const size_t size : {kSmall, kLarge}) {
    Sequence sequence = engine().start(size);
    read(sequence, first);
    const Sequence mark = sequence.fork();
    const std::vector<float> expected = read(sequence, rest);
    Sequence again = engine().transplant(mark, size);
    EXPECT_EQ(read(again, rest), expected);
  }
}

TEST_F(HandOverOfPocket, ATransplantReadsNothingAgainAndIsNotExact) {
  const Answer transplanted = ask("transplant"), exact = ask("recompute");
  EXPECT_EQ(transplanted.hand_over, "transplant");
  EXPECT_LE(transplanted.switch_report.tokens, 2);  // the closing tag
  EXPECT_GT(exact.switch_report.tokens, 20);
  const std::vector<TokenId> text = family_.prompt(kQuestion), more{8};
  Sequence small = engine().start(kSmall), large = engine().start(kLarge);
  read(small, text), read(large, text);
  Sequence taken = engine().transplant(small, kLarge);
  EXPECT_NE(read(taken, more), read(large, more));
}

TEST_F(HandOverOfPocket, AHybridReadsTheLastTokensAgain) {
  const Answer exact = ask("recompute"), hybrid = ask("hybrid:8");
  EXPECT_EQ(hybrid.hand_over, "hybrid:8");
  EXPECT_GE(hybrid.switch_report.tokens, 8);
  EXPECT_LT(hybrid.switch_report.tokens, 8 + 8 + 2);
  EXPECT_EQ(ask("hybrid:1000").ids, exact.ids);  // no state is that far back: the text is read
  EXPECT_EQ(ask("hybrid:1000").hand_over, "recompute");
}

// Turn 2 of a chat goes on from where turn 1 ended, if that state is what reading would give.
TEST_F(HandOverOfPocket, OnlyExactHandOversLeaveSnapshots) {
  const auto leaves_one = [&](const char* mode) {
    family_ = Family::open(kPocket, {.threads = 1});
    const Answer answer = ask(mode);
    std::vector<TokenId> text = family_.prompt(kQuestion);
    text.insert(text.end(), answer.ids.begin(), answer.ids.end());
    text.push_back(1);
    return family_.impl().snapshots.longest_prefix(kLarge, text).has_value();
  };
  EXPECT_TRUE(leaves_one("recompute"));
  EXPECT_TRUE(leaves_one("shadow"));
  EXPECT_FALSE(leaves_one("transplant"));
  EXPECT_FALSE(leaves_one("hybrid:4"));
}

TEST_F(HandOverOfPocket, ThinkingGoesOnWithAnotherSizeAfterSoManyTokens) {
  Plan plan{.think_size = "small", .answer_size = "medium"};
  plan.switch_size = "large", plan.switch_after = 5;
  for (const char* mode : {"recompute", "shadow:3", "transplant"}) {
    plan.hand_over = mode;
    std::vector<std::string> writers;
    const Answer answer = Session(family_).ask(family_.prompt(kQuestion),
                                               {.plan = plan, .on_text = [&](const TextPiece& p) {
                                                  writers.insert(writers.end(), p.text.size(), std::string(p.size));
                                                }});
    EXPECT_EQ(answer.switched_after, 5) << mode;
    EXPECT_EQ(answer.thinking_report.size + answer.thinking_switch_report.size, "smalllarge") << mode;
    EXPECT_EQ(answer.second_thinking_report.size + answer.switch_report.size, "largemedium") << mode;
    EXPECT_EQ(answer.thinking_report.tokens, 5) << mode;
    EXPECT_EQ(answer.thinking_report.tokens + answer.second_thinking_report.tokens + answer.answer_report.tokens,
              int(answer.ids.size()))
        << mode;
    EXPECT_EQ(answer.thinking_hand_over, mode);
    EXPECT_EQ(answer.hand_over, mode);
    ASSERT_GT(writers.size(), 10u);
    EXPECT_EQ(writers[4], "small");
    EXPECT_EQ(writers[5], "large");
    EXPECT_EQ(writers.back(), "medium");
  }
}

// Thinking closes before the rule holds: the size that has read along for it stops.
TEST_F(HandOverOfPocket, NothingReadsAlongOnceThinkingIsClosed) {
  Plan plan{.think_size = "small", .answer_size = "small"};
  plan.switch_size = "large", plan.switch_after = 1000, plan.hand_over = "shadow:1";
  const Answer answer = ask(plan);
  ASSERT_EQ(answer.shadow_reports.size(), 1u);
  EXPECT_LE(answer.shadow_reports[0].steps, answer.prompt_report.steps + answer.thinking_report.steps);
}

TEST_F(HandOverOfPocket, ThinkingGoesOnWithAnotherSizeWhenItIsUnsure) {
  Plan plan{.think_size = "small", .answer_size = "small"};
  plan.switch_size = "large", plan.switch_entropy = 1000;
  EXPECT_EQ(ask(plan).switched_after, -1);
  plan.switch_entropy = 0;  // always above: as soon as there are enough choices
  EXPECT_EQ(ask(plan).switched_after, Plan::kEntropyTokens);
}

TEST_F(HandOverOfPocket, ARuleNeedsASizeAndASizeARule) {
  Plan plan{.think_size = "small", .answer_size = "large"};
  plan.switch_after = 3;
  EXPECT_NE(error_of([&] { ask(plan); }).find("switch-size"), std::string::npos);
  plan.switch_after = -1, plan.switch_size = "large";
  EXPECT_NE(error_of([&] { ask(plan); }).find("switch-after"), std::string::npos);
}

}  // namespace
}  // namespace starnest
