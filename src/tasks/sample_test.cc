#include "tasks/sample.h"

#include <gtest/gtest.h>

#include "starnest/error.h"
#include "tasks/task.h"
#include "tasks/vocabulary.h"

namespace starnest::tasks {
namespace {

const Problem kProblem{.task = "r", .body = "a5b+3c*7d-2", .k = 3};

TEST(Sample, HasTheDocumentedTextAtEveryEffort) {
  EXPECT_EQ(text(make_sample(kProblem, Effort::none)), "<bos>r:a5b+3c*7d-2?<e0><think></think>4<eos>");
  EXPECT_EQ(text(make_sample(kProblem, Effort::terse)), "<bos>r:a5b+3c*7d-2?<e1><think>a5;b8;c6;d4;</think>4<eos>");
  EXPECT_EQ(text(make_sample(kProblem, Effort::full)),
            "<bos>r:a5b+3c*7d-2?<e2><think>a5;b+38;c*76;d-24;</think>4<eos>");
}

TEST(Sample, ACutDropsWholeStepsAndKeepsTheFinalAnswer) {
  const Sample one = make_sample(kProblem, Effort::full, 1);
  EXPECT_EQ(text(one), "<bos>r:a5b+3c*7d-2?<e2><think>a5;b+38;c*76;</think>4<eos>");
  EXPECT_EQ(one.steps_cut, 1);
  EXPECT_EQ(make_sample(kProblem, Effort::terse, 2).trace, "a5;b8;");
  const Sample most = make_sample(kProblem, Effort::terse, 9);
  EXPECT_EQ(most.trace, "a5;");
  EXPECT_EQ(most.steps_cut, 3);
  EXPECT_EQ(most.answer, "4");
  EXPECT_EQ(make_sample(kProblem, Effort::none, 1).steps_cut, 0);
}

TEST(Sample, TheCompletionStartsAfterThinkAndTheAnswerAfterItsEnd) {
  for (const Effort effort : {Effort::none, Effort::terse, Effort::full}) {
    const Sample sample = make_sample(kProblem, effort);
    const TokenSample sequence = tokens(sample);
    EXPECT_EQ(decode(sequence.ids), text(sample));
    EXPECT_EQ(sequence.ids[sequence.completion_start - 1], kThink);
    EXPECT_EQ(sequence.ids[sequence.answer_start - 1], kEndThink);
    EXPECT_EQ(sequence.ids.size() - sequence.answer_start, 2u);  // 4 <eos>
    EXPECT_EQ(sequence.answer_start - sequence.completion_start, sample.trace.size() + 1);
    const std::vector<TokenId> prompt(sequence.ids.begin(),
                                      sequence.ids.begin() + std::ptrdiff_t(sequence.completion_start));
    EXPECT_EQ(prompt, prompt_ids(kProblem, effort));
  }
}

TEST(Sample, AMalformedProblemIsRefused) {
  EXPECT_THROW(make_sample({.task = "r", .body = "a5b", .k = 1}, Effort::full), Error);
  EXPECT_THROW(make_sample({.task = "nope", .body = "a5", .k = 1}, Effort::full), Error);
}

TEST(Effort, NamesAreParsedAndAMistakeGetsASuggestion) {
  for (const Effort effort : {Effort::none, Effort::terse, Effort::full}) {
    EXPECT_EQ(effort_named(name_of(effort)), effort);
    EXPECT_EQ(token_name(effort_token(effort)), "<" + std::string(name_of(effort)) + ">");
  }
  try {
    effort_named("e3");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("Did you mean 'e0'"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace starnest::tasks
