// Switching sizes between two tokens: the answering size continues exactly as a session of its own would.
#include <gtest/gtest.h>

#include "base/test_support.h"
#include "generate/generation.h"
#include "golden.h"

namespace starnest {
namespace {

// Any checkpoint can be made to think: token 3 opens, token 4 closes.
GenerationRules rules(std::vector<TokenId> stops = {}) {
  GenerationRules r;
  r.think = ThinkTokens{.start = {3}, .ends = {{4}}, .close = {5, 4}, .boundary = {}};
  r.stop_ids = std::move(stops);
  return r;
}

const std::vector<TokenId> kPrompt{11, 12, 13, 20, 21, 3};

std::vector<TokenId> run(Engine& engine, const GenerationRules& r, std::vector<TokenId> prompt, const Plan& plan,
                         ThinkEnd* end = nullptr) {
  Generation generation(engine, r, std::move(prompt), resolve(plan, engine, r, std::nullopt), {});
  Generation* one = &generation;
  while (step(engine, {&one, 1})) {
  }
  if (end) *end = generation.think_end();
  return {generation.output().begin(), generation.output().end()};
}

TEST(Switch, TheAnswerEqualsAFreshSessionOfThatSizeOnTheSameText) {
  Engine engine(read_family(golden::folder("moe_f32")), {.threads = 1});
  const GenerationRules r = rules();
  for (const Size& thinker : engine.sizes().ascending())
    for (const Size& writer : engine.sizes().ascending()) {
      const Plan plan{.think_size = thinker.name,
                      .answer_size = writer.name,
                      .think_budget = 7,
                      .think_grace = 0,
                      .answer_reserve = 4,
                      .max_tokens = 24};
      ThinkEnd end{};
      const std::vector<TokenId> output = run(engine, r, kPrompt, plan, &end);
      ASSERT_EQ(output.size(), 24u);
      const size_t close = size_t(std::find(output.begin(), output.end(), 4) - output.begin());
      ASSERT_LT(close, output.size());

      std::vector<TokenId> text = kPrompt;
      text.insert(text.end(), output.begin(), output.begin() + std::ptrdiff_t(close) + 1);
      GenerationRules plain;
      const std::vector<TokenId> fresh =
          run(engine, plain, text, {.answer_size = writer.name, .max_tokens = int(output.size() - close - 1)});
      EXPECT_TRUE(std::equal(fresh.begin(), fresh.end(), output.begin() + std::ptrdiff_t(close) + 1))
          << thinker.name << " -> " << writer.name;
    }
}

TEST(Switch, BatchedGenerationsEqualSingleOnes) {
  Engine engine(read_family(golden::folder("mixed_bf16")), {.threads = 2});
  const GenerationRules r = rules();
  std::vector<std::unique_ptr<Generation>> generations;
  std::vector<Generation*> pointers;
  std::vector<std::vector<TokenId>> expected;
  for (int i = 0; i < 6; ++i) {
    std::vector<TokenId> prompt(kPrompt.begin() + i % 3, kPrompt.end());
    const Plan plan{.think_size = engine.name_of(size_t(3 - i % 3)),
                    .answer_size = engine.name_of(size_t(3 - (i + 1) % 3)),
                    .think_budget = 3 + i,
                    .think_grace = 0,
                    .answer_reserve = 4,
                    .max_tokens = 20};
    expected.push_back(run(engine, r, prompt, plan));
    generations.push_back(
        std::make_unique<Generation>(engine, r, prompt, resolve(plan, engine, r, std::nullopt), Sampling{}));
    pointers.push_back(generations.back().get());
  }
  while (step(engine, pointers)) {
  }
  for (size_t i = 0; i < generations.size(); ++i)
    EXPECT_TRUE(std::equal(expected[i].begin(), expected[i].end(), generations[i]->output().begin())) << i;
}

TEST(Switch, AnEndOfTextInsideThinkingClosesThinkingAndTheAnswerStillComes) {
  Engine engine(read_family(golden::folder("moe_f32")), {.threads = 1});
  const std::vector<TokenId> free_run = run(engine, rules(), kPrompt, {.think_budget = -1, .max_tokens = 24});
  ThinkEnd end{};
  const std::vector<TokenId> output =
      run(engine, rules({free_run[0]}), kPrompt, {.answer_reserve = 4, .max_tokens = 24}, &end);
  EXPECT_EQ(end, ThinkEnd::stopped);
  EXPECT_EQ(output[0], 5);
  EXPECT_EQ(output[1], 4);
}

TEST(Switch, APromptLongerThanAPrefillChunkIsReadWhole) {
  Engine engine(read_family(golden::folder("moe_f32")), {.threads = 2});
  std::vector<TokenId> prompt;
  for (size_t i = 0; i < 2 * kPrefillChunk + 100; ++i) prompt.push_back(TokenId(5 + i * 7 % 50));
  const std::vector<TokenId> output = run(engine, GenerationRules{}, prompt, {.answer_size = "small", .max_tokens = 3});
  const std::vector<float> logits = golden::logits_of(engine, "small", prompt);
  const auto last = logits.end() - std::ptrdiff_t(engine.vocab());
  ASSERT_EQ(output.size(), 3u);
  EXPECT_EQ(output[0], TokenId(std::max_element(last, logits.end()) - last));
}

TEST(Switch, TheContextLimitLeavesTheReserveToTheAnswerToo) {
  Engine engine(read_family(golden::folder("moe_f32")), {.threads = 1});
  GenerationRules r = rules();
  r.max_context = int(kPrompt.size()) + 12;
  const std::vector<TokenId> output = run(engine, r, kPrompt, {.answer_reserve = 5, .max_tokens = 100});
  ASSERT_EQ(output.size(), 12u);
  EXPECT_GE(output.end() - std::find(output.begin(), output.end(), 4) - 1, 5);  // what follows the closing tag
  r.max_context = int(kPrompt.size()) + 2;
  EXPECT_NE(error_of([&] { run(engine, r, kPrompt, {}); }).find("leaves no room for an answer"), std::string::npos);
}

TEST(Switch, MaxTokensIsNeverExceeded) {
  Engine engine(read_family(golden::folder("moe_f32")), {.threads = 1});
  for (int most = 2; most < 8; ++most)
    EXPECT_LE(int(run(engine, rules(), kPrompt, {.think_budget = 0, .answer_reserve = 0, .max_tokens = most}).size()),
              most);
  EXPECT_NE(error_of([&] { run(engine, rules(), kPrompt, {.max_tokens = 2}); }).find("leaves no room"),
            std::string::npos);
}

TEST(Switch, ThinkingNeverTakesTheReserve) {
  Engine engine(read_family(golden::folder("moe_f32")), {.threads = 1});
  for (const int reserve : {0, 5, 15}) {
    const std::vector<TokenId> output = run(engine, rules(), kPrompt, {.answer_reserve = reserve, .max_tokens = 20});
    const auto close = std::find(output.begin(), output.end(), 4);
    EXPECT_GE(output.end() - close - 1, reserve);
  }
}

}  // namespace
}  // namespace starnest
