// Asking the model that ships with the project, through the public headers.
#include "starnest/session.h"

#include <limits>

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "generate/family_impl.h"
#include "generate/test_pocket.h"

namespace starnest {
namespace {

const std::string kQuestion = "r:a5b+3c*7d-2?";
const Plan kSmallThinks{.stages = think_and_answer("small", "large")};

// The trace of the question, to be taken for an answer: the family forgets what opens thinking.
std::vector<TokenId> trace_prompt(const Family& family) {
  family.impl().rules.think.reset();
  return family.encode("<bos>" + kQuestion + "<e2><think>a5;");
}

TEST(Session, TheAnswerEndsBeforeAStopTextThatSpansTokens) {
  const Family family = open_pocket();
  Session session(family);
  std::string streamed;
  AskOptions options{.stop = {"xyz", "76;d"}, .on_text = [&](const TextPiece& piece) { streamed += piece.text; }};
  const Answer answer = session.ask(trace_prompt(family), options);
  EXPECT_EQ(answer.answer, "b+38;c*");
  EXPECT_EQ(streamed, answer.answer);
  EXPECT_EQ(answer.end, AnswerEnd::stop_text);
  EXPECT_TRUE(answer.complete());
  EXPECT_EQ(family.decode(answer.ids), "b+38;c*76;d");
}

TEST(Session, TextThatOnlyBeganAStopTextIsShownAtTheEnd) {
  const Family family = open_pocket();
  const Answer answer = Session(family).ask(trace_prompt(family), {.stop = {"c*77", "24;5"}});
  EXPECT_EQ(answer.answer, "b+38;c*76;d-24;4");
  EXPECT_EQ(answer.end, AnswerEnd::stop_token);
}

TEST(Session, ThinkingIsNeverSearchedForAStopText) {
  const Family family = open_pocket();
  const Answer answer = Session(family).ask(family.prompt(kQuestion), {.plan = kSmallThinks, .stop = {"76"}});
  EXPECT_EQ(answer.thinking, "a5;b+38;c*76;d-24;");
  EXPECT_EQ(answer.answer, "4");
}

TEST(Session, CancellingKeepsTheTextSoFar) {
  const Family family = open_pocket();
  const Answer whole = Session(family).ask(trace_prompt(family));
  for (int steps = 0; steps < 5; ++steps) {
    int taken = 0;
    const Answer cut =
        Session(family).ask(trace_prompt(family), {.stop = {"+38!"}, .cancelled = [&] { return taken++ == steps; }});
    EXPECT_EQ(cut.end, AnswerEnd::cancelled);
    EXPECT_FALSE(cut.complete());
    EXPECT_EQ(cut.ids.size(), size_t(steps));
    EXPECT_EQ(cut.answer, whole.answer.substr(0, size_t(steps)));  // this model's tokens are characters
  }
}

TEST(Session, CancellingInsideThinkingLeavesItOpen) {
  const Family family = open_pocket({.cache_bytes = 0});
  int taken = 0;
  const Answer cut =
      Session(family).ask(family.prompt(kQuestion), {.plan = kSmallThinks, .cancelled = [&] { return taken++ == 6; }});
  EXPECT_EQ(cut.end, AnswerEnd::cancelled);
  EXPECT_EQ(cut.think_end, ThinkEnd::none);
  EXPECT_EQ(cut.thinking, "a5;b+3");
  EXPECT_EQ(cut.answer, "");
}

using Work = StageReport::Work;

// "small reads 17 in 1", ... of every stage.
std::vector<std::string> told(const Answer& answer) {
  std::vector<std::string> lines;
  for (const StageReport& stage : answer.stages) {
    const char* const works[]{" reads ", " writes ", " reads along "};
    lines.push_back(stage.size + works[int(stage.work)] + std::to_string(stage.tokens) + " in " +
                    std::to_string(stage.steps) + (stage.hand_over ? " by " + text_of(*stage.hand_over) : "") +
                    (stage.phase == Phase::thinking ? ", thinking" : ""));
  }
  return lines;
}

TEST(Session, ReportsWhatEachStretchReadAndWrote) {
  const Family family = open_pocket({.cache_bytes = 0});
  const Answer answer = Session(family).ask(family.prompt(kQuestion), {.plan = kSmallThinks});
  // The first token comes with the prompt; the answer's last step chose the end of the text.
  EXPECT_EQ(told(answer), (std::vector<std::string>{"small reads 17 in 1, thinking", "small writes 19 in 18, thinking",
                                                    "large reads 36 in 1 by recompute", "large writes 1 in 1"}));
  EXPECT_EQ(answer.seconds_to_first_token, answer.stages.front().seconds);
  const double weights = double(family.sizes().back().decode_bytes);
  EXPECT_GT(answer.stages[1].bytes, 18 * weights);
  EXPECT_LT(answer.stages[1].bytes, 18 * weights * 1.5);  // with states, keys and values

  const Answer same = Session(family).ask(family.prompt(kQuestion), {.plan = {.stages = {{"small"}}}});
  EXPECT_EQ(told(same), (std::vector<std::string>{"small reads 17 in 1, thinking", "small writes 19 in 18, thinking",
                                                  "small writes 1 in 2"}));
}

TEST(Session, WithoutABudgetTheAnsweringSizeReadsThePrompt) {
  const Family family = open_pocket({.cache_bytes = 0});
  Plan plan = kSmallThinks;
  plan.think_budget = 0;
  const Answer answer = Session(family).ask(family.prompt(kQuestion), {.plan = plan});
  ASSERT_GE(answer.stages.size(), 2u);
  EXPECT_EQ(told(answer)[0], "small writes 0 in 0, thinking");  // the closing tag was put
  EXPECT_EQ(told(answer)[1], "large reads 18 in 1");
}

TEST(Session, AThoughtThatThePromptHasBegunGoesOn) {
  const Family family = open_pocket();
  const std::vector<TokenId> begun = family.encode("<bos>" + kQuestion + "<e2><think>a5;b+3");
  const Answer answer = Session(family).ask(begun, {.plan = kSmallThinks});
  EXPECT_EQ(answer.thinking, "8;c*76;d-24;");
  EXPECT_EQ(answer.answer, "4");
  EXPECT_EQ(answer.stages.front().size, "small");
  EXPECT_EQ(answer.stages.back().size, "large");
  EXPECT_EQ(answer.think_end, ThinkEnd::natural);
  EXPECT_TRUE(answer.notices.empty());
  Plan plan = kSmallThinks;
  plan.think_budget = 4, plan.think_grace = 0;  // of the tokens that follow
  const Answer cut = Session(family).ask(begun, {.plan = plan});
  EXPECT_EQ(cut.thinking, "8;c*");
  EXPECT_EQ(cut.tokens_written(Phase::thinking), 4);
}

// "a" opens and ";" closes here, so that the model opens its thought itself. Neither is a special token.
Family opening_itself() {
  const Family family = open_pocket({.cache_bytes = 0});
  const auto id = [&](const char* token) { return *family.impl().tokenizer->id_of(token); };
  ThinkTokens think{.start = {id("a")}, .ends = {{id(";")}}, .close = {id(";")}, .boundary = {}};
  think.breaks = {id("<think>")};  // the question has an "a" too
  think.visible_ends = {";"};
  family.impl().rules.think = think;
  return family;
}

TEST(Session, AThoughtThatTheModelOpensItselfFollowsThePlan) {
  const Family family = opening_itself();
  std::string thinkers;
  AskOptions options{.plan = kSmallThinks, .on_text = [&](const TextPiece& piece) {
                       if (piece.phase == Phase::thinking) thinkers += piece.size;
                     }};
  const std::vector<TokenId> prompt = family.prompt(kQuestion);
  const Answer answer = Session(family).ask(prompt, options);
  EXPECT_EQ(answer.thinking, "5");
  EXPECT_EQ(answer.answer, "b+38;c*76;d-24;4");
  EXPECT_EQ(thinkers, "small");
  EXPECT_EQ(told(answer),
            (std::vector<std::string>{"large reads 17 in 1", "large writes 1 in 0",
                                      "small reads 18 in 1 by recompute, thinking", "small writes 2 in 1, thinking",
                                      "large reads 20 in 1 by recompute", "large writes 17 in 17"}));
  EXPECT_EQ(answer.think_end, ThinkEnd::natural);
  EXPECT_TRUE(answer.notices.empty());
  EXPECT_EQ(family.decode(answer.ids), "a5;b+38;c*76;d-24;</think>4");

  options.plan.think_budget = 0;  // closed at once, and no other size reads
  const Answer none = Session(family).ask(prompt, options);
  EXPECT_EQ(none.thinking, "");
  EXPECT_EQ(none.think_end, ThinkEnd::forced);
  for (const StageReport& stage : none.stages) EXPECT_EQ(stage.size, "large");
}

TEST(Session, AnAnswerThatOnlyBeginsAsAThoughtIsAnAnswer) {
  const Family family = opening_itself();
  family.impl().rules.think->start.push_back(*family.impl().tokenizer->id_of("6"));
  const Answer answer = Session(family).ask(family.prompt(kQuestion), {.plan = {.max_tokens = 1}});
  EXPECT_EQ(answer.answer, "a");  // held back until the end
  const Answer whole = Session(family).ask(family.prompt(kQuestion), {.plan = kSmallThinks});
  EXPECT_EQ(whole.answer.substr(0, 4), "a5;b");
  ASSERT_EQ(whole.notices.size(), 1u);
  EXPECT_EQ(whole.notices[0], "neither the prompt nor the model opened thinking: a size for thinking had no effect");
}

TEST(Session, APlanForThinkingIsRefusedWhereNothingCanThink) {
  const Family family = open_pocket();
  const std::vector<TokenId> prompt = trace_prompt(family);
  for (const Plan& plan :
       {kSmallThinks, Plan{.think_budget = 3}, Plan{.stages = parse_stages("small:tokens=1,large:tag,small:end")}})
    EXPECT_NE(error_of([&] { Session(family).ask(prompt, {.plan = plan}); }).find("cannot apply"), std::string::npos);
  EXPECT_EQ(Session(family).ask(prompt, {.plan = {.think_budget = 0}}).think_end, ThinkEnd::none);
}

TEST(Session, AReserveThatTheContextCannotHoldShrinks) {
  const Family family = open_pocket({.context = 48});  // 17 + 19 + 2 are needed, 512 / 4 would be reserved
  const Answer answer = Session(family).ask(family.prompt(kQuestion));
  EXPECT_EQ(answer.thinking, "a5;b+38;c*76;d-24;");
  EXPECT_EQ(answer.answer, "4");
  ASSERT_EQ(answer.notices.size(), 1u);
  EXPECT_EQ(answer.notices[0],
            "the context leaves 30 tokens for thinking and answer: 7 of them are the answer's reserve, not 128");
  // One that was asked for takes all that there is.
  const Answer asked = Session(family).ask(family.prompt(kQuestion), {.plan = {.answer_reserve = 40}});
  EXPECT_EQ(asked.thinking, "");
  ASSERT_EQ(asked.notices.size(), 1u);
  EXPECT_NE(asked.notices[0].find("30 of them are the answer's reserve, not 40"), std::string::npos);
  EXPECT_TRUE(Session(family).ask(family.prompt(kQuestion), {.plan = {.max_tokens = 28}}).notices.empty());
}

TEST(Session, ABudgetThatTheReserveCutsIsSaid) {
  const Family family = open_pocket();
  const Answer answer = Session(family).ask(family.prompt(kQuestion),
                                            {.plan = {.think_budget = 10, .answer_reserve = 15, .max_tokens = 20}});
  ASSERT_EQ(answer.notices.size(), 1u);
  EXPECT_NE(answer.notices[0].find("after 4 tokens, before the 10 of think-budget"), std::string::npos);
}

TEST(Session, SaysWhyATextEnded) {
  const Family family = open_pocket({.context = 24});
  EXPECT_EQ(Session(family).ask(trace_prompt(family), {.plan = {.max_tokens = 2}}).end, AnswerEnd::max_tokens);
  const Answer full = Session(family).ask(trace_prompt(family));
  EXPECT_EQ(full.end, AnswerEnd::context);
  EXPECT_EQ(trace_prompt(family).size() + full.ids.size(), 24u);
}

TEST(Family, TheContextIsTheModelsOrTheCallersAndNeverMore) {
  EXPECT_EQ(open_pocket().info().context, 4096);
  EXPECT_EQ(open_pocket().info().model_context, 4096);
  EXPECT_GT(open_pocket().info().memory_context, 4096);
  EXPECT_EQ(open_pocket({.context = 100}).info().context, 100);
  for (const int context : {-1, 4097})
    EXPECT_NE(error_of([&] { open_pocket({.context = context}); }).find("ctx-size: is out of range"),
              std::string::npos);
  const Family family = open_pocket({.context = 10});
  const std::string error = error_of([&] { Session(family).ask(family.prompt(kQuestion)); });
  EXPECT_NE(error.find("fewer than 10 tokens, got 17"), std::string::npos) << error;
  EXPECT_NE(error.find("the model allows 4096"), std::string::npos) << error;
}

TEST(Family, SaysHowItRuns) {
  EXPECT_EQ(open_pocket({.kv_type = KvType::f32}).info().kv_dtype, "F32");
  EXPECT_EQ(open_pocket({.kv_type = KvType::bf16}).info().kv_dtype, "BF16");
  EXPECT_EQ(open_pocket({.kv_type = KvType::fp8}).info().kv_dtype, "F8_E4M3");
  EXPECT_NE(error_of([] { kv_type_named("fp4"); }).find("expected f32, bf16 or fp8, got fp4"), std::string::npos);
  EXPECT_EQ(open_pocket().info().threads, 1);
  EXPECT_EQ(open_pocket().info().architecture, "nemotron_h");
  EXPECT_EQ(open_pocket().default_sampling().temperature, 0);
  EXPECT_GT(open_pocket().measure_bandwidth(), 1e8);
  for (size_t i = 1; i < open_pocket().sizes().size(); ++i)
    EXPECT_LT(open_pocket().sizes()[i].bytes, open_pocket().sizes()[i - 1].bytes);
}

// A text longer than one chunk and one interval of snapshots, and no question behind it.
std::vector<TokenId> long_text(const Family& family, size_t tokens) {
  std::vector<TokenId> ids = family.encode("<bos>r:");
  const std::vector<TokenId> step = family.encode("a5b+3c*7d-2");
  while (ids.size() < tokens) ids.push_back(step[ids.size() * 5 % step.size()]);
  return ids;
}

TEST(Session, APromptThatBeginsAsAnEarlierOneIsNotReadAgainAndGivesTheSameIds) {
  const Family kept = open_pocket(), fresh = open_pocket({.cache_bytes = 0});
  std::vector<TokenId> prompt = long_text(kept, 3000);
  const AskOptions options{.plan = {.max_tokens = 20}};
  const Answer first = Session(kept).ask(prompt, options);
  EXPECT_EQ(first.reused_tokens, 0);
  EXPECT_EQ(first.ids, Session(fresh).ask(prompt, options).ids);

  prompt.push_back(prompt[5]);
  const Answer longer = Session(kept).ask(prompt, options), longer_fresh = Session(fresh).ask(prompt, options);
  EXPECT_EQ(longer.reused_tokens, 3000);
  EXPECT_EQ(longer.stages.front().tokens, 1);
  EXPECT_EQ(longer_fresh.stages.front().tokens, 3001);
  EXPECT_EQ(longer.ids, longer_fresh.ids);

  prompt[2500] = prompt[2500] == prompt[5] ? prompt[6] : prompt[5];  // diverges behind the snapshot at 2048
  const Answer diverged = Session(kept).ask(prompt, options);
  EXPECT_EQ(diverged.reused_tokens, 2048);
  EXPECT_EQ(diverged.ids, Session(fresh).ask(prompt, options).ids);
}

TEST(Session, TheNextTurnGoesOnFromBeforeTheThinkingTag) {
  const Family kept = open_pocket(), fresh = open_pocket({.cache_bytes = 0});
  const std::vector<TokenId> question = kept.prompt(kQuestion);
  const Answer first = Session(kept).ask(question, {.plan = kSmallThinks});
  std::vector<TokenId> next(question.begin(), question.end() - 1);  // thinking rendered away
  const std::vector<TokenId> more = kept.encode("4<eos>");
  next.insert(next.end(), more.begin(), more.end());
  next.insert(next.end(), question.begin() + 1, question.end());
  const Answer second = Session(kept).ask(next, {.plan = kSmallThinks});
  EXPECT_EQ(second.reused_tokens, int(question.size()) - 1);
  EXPECT_EQ(second.ids, Session(fresh).ask(next, {.plan = kSmallThinks}).ids);
}

TEST(Family, ALargerSizeIsLoadedLaterAndDroppedAgain) {
  Family family = open_pocket({.sizes = {"small"}});
  const uint64_t small = family.resident_bytes();
  EXPECT_EQ(family.sizes().size(), 1u);
  EXPECT_THROW(Session(family).ask(family.prompt(kQuestion), {.plan = kSmallThinks}), Error);
  family.load("large");
  EXPECT_EQ(family.sizes().front().name, "large");
  EXPECT_EQ(Session(family).ask(family.prompt(kQuestion), {.plan = kSmallThinks}).answer, "4");
  family.drop_above("small");
  EXPECT_EQ(family.resident_bytes(), small);
  EXPECT_THROW(family.load("larg"), Error);
}

TEST(Family, AutoTakesTheLargestSizeThatFitsAndSaysSo) {
  const Family family = open_pocket({.sizes = {"auto"}, .context = 100});
  EXPECT_EQ(family.sizes().size(), 3u);
  EXPECT_EQ(family.info().context, 100);
  expect_has(family.notices().front(), {"sizes auto: 'large', which needs", "with a context of 100 tokens", "free"});
  expect_has(error_of([] { open_pocket({.sizes = {"auto"}, .sequences = std::numeric_limits<int>::max()}); }),
             {"sizes auto: not even the smallest size, 'small', fits"});
  expect_has(error_of([] { open_pocket({.sizes = {"auto"}, .sequences = 0}); }), {"sequences: is too small"});
}

TEST(Family, TheDefaultPlanTakesTheLargestSizeThereIsForOneThatIsNotLoaded) {
  Family family = open_pocket({.sizes = {"medium"}});
  const auto stages = [&] { return text_of(family.default_plan().stages); };
  EXPECT_EQ(stages(), "small:tag,medium:end");
  family.drop_above("small");
  EXPECT_EQ(stages(), "small:end");
  family.load("large");
  EXPECT_EQ(stages(), "small:tag,large:end");
}

}  // namespace
}  // namespace starnest
