#include "eval/choices.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "eval/likelihood.h"

namespace starnest {
namespace {

TEST(ChoiceQuestions, EveryWayToWriteATableIsRead) {
  const TestFolder folder;
  for (const char* text : {"\"q, 1\",a,b,B\nq2,c,d,A\n", "\xef\xbb\xbf\"q, 1\",a,b,B\r\nq2,c,d,A\r\n\r\n",
                           "\n\"q, 1\",a,\"b\",B\nq2,c,d,A"}) {
    const std::vector<ChoiceQuestion> questions = read_choice_questions(folder.write("q.csv", text));
    ASSERT_EQ(questions.size(), 2u) << text;
    EXPECT_EQ(questions[0].question, "q, 1");
    EXPECT_EQ(questions[0].choices, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(questions[0].answer, 1u);
    EXPECT_EQ(questions[1].answer, 0u);
  }
}

TEST(ChoiceQuestions, LinesThatAreNotSoAreNamed) {
  const TestFolder folder;
  const auto expect = [&](const std::string& text, const char* part) {
    const std::string message = error_of([&] { read_choice_questions(folder.write("q.csv", text)); });
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  expect("\n", "q.csv: holds no questions");
  expect("q,A\n", "q.csv:1: has too few fields");
  expect("q,\"two\nlines\",b,A\nq,a,b,C\n", "q.csv:3: names no choice; expected A to B, got 'C'");
  expect("q,a,b,A\nwho, where,a,b,B\n", "q.csv:2: has another number of fields than the first row; expected 4, got 5");
}

// What the choices have in common is read once; the choice is that of reading each of them whole.
TEST(LikeliestChoice, IsTheLikeliestText) {
  const Family family = Family::open(STARNEST_SOURCE_DIR "/models/storyteller", {.threads = 1});
  const std::string size = family.sizes().back().name;
  const std::vector<ChoiceQuestion> shots{{"What barks?", {"cat", "dog", "cow"}, 1}};
  for (const ChoiceQuestion& question : {ChoiceQuestion{"What is wet?", {"sand", "rain", "fire"}, 1},
                                         ChoiceQuestion{"Who sleeps?", {"Tom", "a stone", "the sun"}, 0}}) {
    std::vector<std::vector<TokenId>> texts;
    for (const char* letter : {" A", " B", " C"})
      texts.push_back(encode_after(family, choice_prompt("things", shots, question) + letter, 0));
    const std::vector<double> sums = log_likelihoods(family, size, texts, 3);
    const auto expected = size_t(std::max_element(sums.begin(), sums.end()) - sums.begin());
    EXPECT_EQ(likeliest_choice(family, size, "things", shots, question, 0), expected);
  }
}

}  // namespace
}  // namespace starnest
