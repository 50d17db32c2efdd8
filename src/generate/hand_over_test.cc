#include "generate/hand_over.h"

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "engine/engine.h"
#include "generate/family_impl.h"
#include "generate/test_pocket.h"
#include "starnest/session.h"

namespace starnest {
namespace {

constexpr size_t kSmall = 1, kLarge = 3;  // sizes
const std::string kProblem = "r:a5b+3c*7d-2e+4f*3?";

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
    return ask({.stages = think_and_answer(think, answer), .hand_over = parse_hand_over(hand_over)});
  }
  Answer ask(const Plan& plan) { return Session(family_).ask(family_.prompt(kProblem), {.plan = plan}); }

  Engine& engine() { return family_.engine(); }

  // Logits after reading `ids` on top of what the sequence has read.
  std::vector<float> read(Sequence& sequence, const std::vector<TokenId>& ids) {
    BatchItem item{&sequence, ids, Want::last, {}};
    engine().step({&item, 1});
    return {item.logits.row(0), item.logits.row(0) + item.logits.cols};
  }

  // What the answering size read when it took over, and how it did.
  static StageReport taking_over(const Answer& answer) {
    return answer.total(StageReport::Work::reading, Phase::answering);
  }
  static std::string way(const Answer& answer) {
    const auto how = taking_over(answer).hand_over;
    return how ? text_of(*how) : "";
  }
  static StageReport along(const Answer& answer) { return answer.total(StageReport::Work::along, Phase::thinking); }

  Family family_ = Family::open(kPocket, {.threads = 1, .cache_bytes = 0});
};

TEST_F(HandOverOfPocket, TheShadowGivesTheBitsOfRecomputing) {
  const Answer expected = ask("recompute");
  EXPECT_EQ(way(expected), "recompute");
  EXPECT_EQ(along(expected).steps, 0);
  for (const char* mode : {"shadow:1", "shadow:7", "shadow"}) {
    const Answer shadow = ask(mode);
    EXPECT_EQ(shadow.ids, expected.ids) << mode;
    EXPECT_LT(taking_over(shadow).tokens, 64);
    EXPECT_EQ(taking_over(shadow).tokens + along(shadow).tokens, taking_over(expected).tokens) << mode;
  }
  EXPECT_EQ(taking_over(ask("shadow:1")).tokens, 1);
}

// Of the states themselves, which a text of a few tokens hardly shows.
TEST_F(HandOverOfPocket, AStateTransplantedIntoItsOwnSizeIsTheSameToTheBit) {
  const std::vector<TokenId> text = family_.prompt(kProblem), more{8, 34, 44};
  Sequence sequence = engine().start(kLarge);
  read(sequence, text);
  Sequence copy = engine().transplant(sequence, kLarge);
  EXPECT_EQ(copy.position(), text.size());
  EXPECT_EQ(read(copy, more), read(sequence, more));
}

// As a hybrid goes back: keys and values that were written after the mark must not be seen.
TEST_F(HandOverOfPocket, AnEarlierStateOfItsOwnSizeGoesOnToTheSameBits) {
  const std::vector<TokenId> text = family_.prompt(kProblem), first(text.begin(), text.begin() + 9),
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
  EXPECT_EQ(way(transplanted), "transplant");
  EXPECT_LE(taking_over(transplanted).tokens, 2);  // the closing tag
  EXPECT_GT(taking_over(exact).tokens, 20);
  const std::vector<TokenId> text = family_.prompt(kProblem), more{8};
  Sequence small = engine().start(kSmall), large = engine().start(kLarge);
  read(small, text), read(large, text);
  Sequence taken = engine().transplant(small, kLarge);
  EXPECT_NE(read(taken, more), read(large, more));
}

TEST_F(HandOverOfPocket, AHybridReadsTheLastTokensAgain) {
  const Answer exact = ask("recompute"), hybrid = ask("hybrid:8");
  EXPECT_EQ(way(hybrid), "hybrid:8");
  EXPECT_GE(taking_over(hybrid).tokens, 8);
  EXPECT_LT(taking_over(hybrid).tokens, 8 + 8 + 2);
  EXPECT_EQ(ask("hybrid:1000").ids, exact.ids);  // no state is that far back: the text is read
  EXPECT_EQ(way(ask("hybrid:1000")), "recompute");
}

// Turn 2 of a chat goes on from where turn 1 ended, if that state is what reading would give.
TEST_F(HandOverOfPocket, OnlyExactHandOversLeaveSnapshots) {
  const auto reused_by_next = [&](const char* mode) {
    family_ = Family::open(kPocket, {.threads = 1});
    const Answer answer = ask(mode);
    std::vector<TokenId> text = family_.prompt(kProblem);
    text.insert(text.end(), answer.ids.begin(), answer.ids.end());
    text.push_back(1);
    return Session(family_).ask(text, {.plan = {.stages = {{"large"}}, .max_tokens = 1}}).reused_tokens;
  };
  EXPECT_GT(reused_by_next("recompute"), 30);
  EXPECT_GT(reused_by_next("shadow"), 30);
  EXPECT_EQ(reused_by_next("transplant"), 0);
  EXPECT_EQ(reused_by_next("hybrid:4"), 0);
}

std::string work_of(const StageReport& stage) {
  const char* const works[]{" reads", " writes", " along"};
  return stage.size + works[int(stage.work)];
}

TEST_F(HandOverOfPocket, ThinkingGoesOnWithAnotherSizeAfterSoManyTokens) {
  Plan plan{.stages = parse_stages("small:tokens=5,large:tag,medium:end")};
  for (const char* mode : {"recompute", "shadow:3", "transplant"}) {
    plan.hand_over = parse_hand_over(mode);
    std::vector<std::string> writers;
    const Answer answer = Session(family_).ask(family_.prompt(kProblem),
                                               {.plan = plan, .on_text = [&](const TextPiece& p) {
                                                  writers.insert(writers.end(), p.text.size(), std::string(p.size));
                                                }});
    std::vector<std::string> works;
    int written = 0, handed_over = 0;
    for (const StageReport& stage : answer.stages) {
      if (stage.work != StageReport::Work::along) works.push_back(work_of(stage));
      if (stage.work == StageReport::Work::writing) written += stage.tokens;
      if (!stage.hand_over) continue;
      EXPECT_EQ(text_of(*stage.hand_over), mode);
      ++handed_over;
    }
    EXPECT_EQ(works, (std::vector<std::string>{"small reads", "small writes", "large reads", "large writes",
                                               "medium reads", "medium writes"}));
    EXPECT_EQ(handed_over, 2);
    EXPECT_EQ(written, int(answer.ids.size())) << mode;
    ASSERT_GT(writers.size(), 10u);
    EXPECT_EQ(writers[4], "small");
    EXPECT_EQ(writers[5], "large");
    EXPECT_EQ(writers.back(), "medium");
  }
}

// Every stage, also within the answer, goes on as its size would alone: the text of each is what that size writes
// after all that stands before.
TEST_F(HandOverOfPocket, AnyNumberOfStagesWritesTheTextThatEachSizeWouldWriteThere) {
  family_.impl().rules.think.reset();  // all is answer
  const std::vector<TokenId> prompt = family_.encode("<bos>" + kProblem + "<e2><think>a5;");
  Plan plan{.stages = parse_stages("small:tokens=3,large:tokens=4,small:entropy=0,medium:tokens=1,large:end")};
  for (const char* mode : {"recompute", "shadow:2"}) {
    plan.hand_over = parse_hand_over(mode);
    const Answer answer = Session(family_).ask(prompt, {.plan = plan});
    std::vector<TokenId> text = prompt;
    size_t at = 0;
    std::vector<int> counts;
    for (const StageReport& stage : answer.stages) {
      if (stage.work != StageReport::Work::writing) continue;
      counts.push_back(stage.tokens);
      const Plan alone{.stages = {{stage.size}}, .max_tokens = stage.tokens};
      const std::vector<TokenId> expected = Session(family_).ask(text, {.plan = alone}).ids;
      ASSERT_LE(at + expected.size(), answer.ids.size());
      EXPECT_TRUE(std::equal(expected.begin(), expected.end(), answer.ids.begin() + std::ptrdiff_t(at)));
      text.insert(text.end(), expected.begin(), expected.end());
      at += size_t(stage.tokens);
    }
    EXPECT_EQ(at, answer.ids.size());
    ASSERT_EQ(counts.size(), 5u);
    EXPECT_EQ((std::vector<int>{counts.begin(), counts.begin() + 4}),
              (std::vector<int>{3, 4, Until::kEntropyTokens, 1}));
  }
}

// Where thinking ends early, the stages that would have thought are passed over.
TEST_F(HandOverOfPocket, TheTagEndsAllStagesThatThink) {
  const Answer answer = ask({.stages = parse_stages("small:tokens=1000,medium:tag,large:end")});
  EXPECT_EQ(answer.ids, ask("recompute").ids);
  for (const StageReport& stage : answer.stages) EXPECT_NE(stage.size, "medium");
}

// Thinking closes before the rule holds: the size that has read along for it stops.
TEST_F(HandOverOfPocket, NothingReadsAlongOnceThinkingIsClosed) {
  const Answer answer =
      ask({.stages = parse_stages("small:tokens=1000,large:tag,small:end"), .hand_over = {HandOver::Mode::shadow, 1}});
  EXPECT_GT(along(answer).steps, 0);
  EXPECT_LE(along(answer).steps,
            answer.stages.front().steps + answer.total(StageReport::Work::writing, Phase::thinking).steps);
  EXPECT_EQ(answer.total(StageReport::Work::along, Phase::answering).steps, 0);
}

TEST_F(HandOverOfPocket, ThinkingGoesOnWithAnotherSizeWhenItIsUnsure) {
  const auto written_first = [&](const char* stages) {
    const Answer answer = ask({.stages = parse_stages(stages)});
    EXPECT_EQ(answer.stages[1].size, "small");
    return answer.stages[1].tokens;
  };
  EXPECT_GT(written_first("small:entropy=1000,large:tag,small:end"), 15);
  // Always above: as soon as there are enough choices.
  EXPECT_EQ(written_first("small:entropy=0,large:tag,small:end"), Until::kEntropyTokens);
  EXPECT_EQ(written_first("small:tokens=3/entropy=0,large:tag,small:end"), 3);
}

}  // namespace
}  // namespace starnest
