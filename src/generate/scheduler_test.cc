#include "generate/scheduler.h"

#include <list>

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "generate/family_impl.h"
#include "generate/test_pocket.h"

namespace starnest {
namespace {

struct Asked {
  std::vector<TokenId> prompt;
  AskOptions options;
};

// Requests that differ in everything: length, plan, hand-over, sampling.
std::vector<Asked> mixture(const Family& family) {
  std::vector<Asked> asked;
  const char* const stages[]{"small:tag,large:end", "large:tokens=5,small:tag,medium:end", "medium:end",
                             "small:tokens=9,large:end"};
  const HandOver ways[]{{}, {HandOver::Mode::shadow, 4}, {HandOver::Mode::hybrid, 6}, {HandOver::Mode::transplant}};
  for (int i = 0; i < 16; ++i) {
    AskOptions options{.plan = {.stages = parse_stages(stages[i % 4]),
                                .think_budget = i % 3 == 0 ? 12 : -1,
                                .max_tokens = 24 + i,
                                .hand_over = ways[i / 4]},
                       .sampling = Sampling{.temperature = i % 2 == 0 ? 0.0f : 1.5f, .seed = uint64_t(i)},
                       .use_cache = false};
    asked.push_back({long_prompt(family, i % 5 == 0 ? 700 : 20 + size_t(i) * 3), options});
  }
  return asked;
}

std::vector<Answer> run_together(const Family& family, const std::vector<Asked>& asked, size_t budget) {
  std::list<Request> requests;
  Scheduler scheduler(family);
  for (const Asked& one : asked) scheduler.add(requests.emplace_back(family, one.prompt, one.options));
  while (scheduler.step(budget)) {
  }
  std::vector<Answer> answers;
  for (const Request& request : requests) answers.push_back(request.answer());
  return answers;
}

void expect_same(const Answer& got, const Answer& expected, const std::string& which) {
  EXPECT_EQ(got.ids, expected.ids) << which;
  EXPECT_EQ(got.thinking, expected.thinking) << which;
  EXPECT_EQ(got.answer, expected.answer) << which;
  EXPECT_EQ(name_of(got.think_end), std::string(name_of(expected.think_end))) << which;
  EXPECT_EQ(name_of(got.end), std::string(name_of(expected.end))) << which;
}

TEST(Scheduler, NoAnswerDependsOnItsNeighboursOrOnHowPromptsAreCut) {
  const Family family = open_pocket();
  const std::vector<Asked> asked = mixture(family);
  std::vector<Answer> alone;
  for (const Asked& one : asked) {
    alone.push_back(Session(family).ask(one.prompt, one.options));
    EXPECT_GT(alone.back().ids.size(), 10u);
  }
  for (const size_t budget : {1, 50, 4096}) {
    const std::vector<Answer> together = run_together(family, asked, budget);
    for (size_t i = 0; i < asked.size(); ++i)
      expect_same(together[i], alone[i], std::to_string(i) + ", budget " + std::to_string(budget));
  }
}

TEST(Scheduler, WhoWritesIsNotHeldUpByAPromptAndThePromptIsRead) {
  const Family family = open_pocket();
  const AskOptions greedy{.plan = {.stages = {{"small"}}}, .use_cache = false};
  Request writer(family, long_prompt(family, 24), greedy), reader(family, long_prompt(family, 700), greedy);
  Scheduler scheduler(family);
  scheduler.add(writer);
  scheduler.step();
  ASSERT_FALSE(writer.done());
  scheduler.add(reader);
  for (size_t steps = 1; steps <= 5 && !writer.done(); ++steps) {
    scheduler.step(/*token_budget=*/40);
    EXPECT_EQ(writer.answer().ids.size(), steps + 1);
    EXPECT_EQ(reader.answer().stages.front().tokens, int(steps * 39));
  }
  // However little there is left, prompts go on.
  scheduler.step(/*token_budget=*/1);
  EXPECT_EQ(reader.answer().stages.front().tokens, int(5 * 39 + Scheduler::kLeastReading));
}

TEST(Scheduler, PromptsAreReadInTheOrderInWhichTheyCame) {
  const Family family = open_pocket();
  const AskOptions greedy{.plan = {.stages = {{"small"}}}, .use_cache = false};
  Request first(family, long_prompt(family, 100), greedy), second(family, long_prompt(family, 100), greedy);
  Scheduler scheduler(family);
  scheduler.add(first);
  scheduler.add(second);
  scheduler.step(64);
  EXPECT_EQ(first.answer().stages.front().tokens, 64);
  EXPECT_TRUE(second.answer().stages.empty());
  scheduler.step(64);
  EXPECT_EQ(first.answer().ids.size(), 1u);
  EXPECT_EQ(second.answer().stages.front().tokens, 64 - 36);
}

TEST(Scheduler, ARequestIsCancelledBetweenTwoStepsAndTheOthersGoOn) {
  const Family family = open_pocket();
  bool stop = false;
  const Plan plan{.stages = {{"large"}}};
  Request cancelled(family, long_prompt(family, 30),
                    {.plan = plan, .use_cache = false, .cancelled = [&] { return stop; }});
  Request other(family, long_prompt(family, 40), {.plan = plan});
  Scheduler scheduler(family);
  scheduler.add(cancelled);
  scheduler.add(other);
  for (int i = 0; i < 3; ++i) scheduler.step();
  stop = true;
  while (scheduler.step()) {
  }
  EXPECT_EQ(cancelled.answer().end, AnswerEnd::cancelled);
  EXPECT_EQ(cancelled.answer().ids.size(), 3u);
  expect_same(other.answer(), Session(family).ask(long_prompt(family, 40), {.plan = plan}), "the other");
}

TEST(Scheduler, ARequestThatFailsFailsAlone) {
  const Family family = open_pocket();
  const Plan plan{.stages = {{"large"}}};
  const auto refuse = [](const TextPiece&) { throw Error("reader", "went away"); };
  Request failing(family, long_prompt(family, 30), {.plan = plan, .on_text = refuse});
  Request other(family, long_prompt(family, 40), {.plan = plan});
  Scheduler scheduler(family);
  scheduler.add(failing);
  scheduler.add(other);
  while (scheduler.step()) {
  }
  EXPECT_EQ(error_of([&] { failing.answer(); }), "reader: went away.");
  EXPECT_TRUE(other.answer().complete());
  EXPECT_NE(error_of([&] { Request(family, {1, -3}, {.plan = plan}); }).find("token id -3"), std::string::npos);
}

// Room for the keys and values of a few texts at most: whoever is youngest gives memory back and reads again.
TEST(Scheduler, NoAnswerDependsOnWhoHadToGiveMemoryBack) {
  const Family family = open_pocket();
  std::vector<Asked> asked = mixture(family);
  std::vector<Answer> alone;
  for (const Asked& one : asked) alone.push_back(Session(family).ask(one.prompt, one.options));
  // What one text of 800 tokens takes at two sizes, and hardly more.
  const uint64_t limit = 2 * family.impl().kv_bytes(/*size=*/3, 832);
  family.engine().kv().set_limit(limit);
  for (const bool use_cache : {false, true}) {
    for (Asked& one : asked) one.options.use_cache = use_cache;
    std::list<Request> requests;
    Scheduler scheduler(family);
    for (const Asked& one : asked) scheduler.add(requests.emplace_back(family, one.prompt, one.options));
    do EXPECT_LE(family.engine().kv().in_use(), limit);
    while (scheduler.step(512));
    EXPECT_GT(scheduler.preemptions(), 0u);
    size_t i = 0;
    for (const Request& request : requests) {
      expect_same(request.answer(), alone[i], std::to_string(i));
      ++i;
    }
  }
}

TEST(Scheduler, AloneAndWithoutRoomATextEnds) {
  const Family family = open_pocket();
  const AskOptions options{.plan = {.stages = {{"large"}}}, .use_cache = false};
  const Answer whole = Session(family).ask(long_prompt(family, 60), options);
  ASSERT_GT(whole.ids.size(), 8u);
  family.engine().kv().set_limit(family.impl().kv_bytes(/*size=*/3, 64));
  const Answer cut = Session(family).ask(long_prompt(family, 60), options);
  EXPECT_EQ(cut.end, AnswerEnd::memory);
  EXPECT_FALSE(cut.complete());
  EXPECT_EQ(cut.ids.size(), 5u);  // 64 tokens read, and the one that they gave
  EXPECT_TRUE(std::equal(cut.ids.begin(), cut.ids.end(), whole.ids.begin()));
  const Answer none = Session(family).ask(long_prompt(family, 200), options);
  EXPECT_EQ(none.end, AnswerEnd::memory);
  EXPECT_TRUE(none.ids.empty());
  EXPECT_EQ(family.engine().kv().in_use(), 0u);
}

TEST(Scheduler, WhoCameFirstReadsFirstWhenMemoryIsShort) {
  const Family family = open_pocket();
  const AskOptions options{.plan = {.stages = {{"large"}}, .max_tokens = 8}, .use_cache = false};
  family.engine().kv().set_limit(family.impl().kv_bytes(/*size=*/3, 192));
  std::list<Request> requests;
  Scheduler scheduler(family);
  for (int i = 0; i < 4; ++i) scheduler.add(requests.emplace_back(family, long_prompt(family, 150), options));
  std::vector<size_t> order;
  while (scheduler.step()) {
  }
  const auto begun = [](const Request& request) { return request.answer().stages.front().tokens; };
  for (const Request& request : requests) EXPECT_EQ(begun(request), 150);  // nobody read twice
  EXPECT_EQ(scheduler.preemptions(), 0u);
}

}  // namespace
}  // namespace starnest
