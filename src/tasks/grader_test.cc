#include "tasks/grader.h"

#include <gtest/gtest.h>

#include "starnest/error.h"
#include "tasks/vocabulary.h"

namespace starnest::tasks {
namespace {

struct Case {
  std::string_view output;
  bool right;  // for the answer 8
};

TEST(Grader, TextAndIdsAgreeOnEveryCase) {
  for (const auto& [output, right] : {
           Case{"<bos>r:a5b+3?<e2><think>a5;b+38;</think>8<eos>", true},
           Case{"a5;b+38;</think>8<eos>", true},
           Case{"a5;b+38;</think>8", true},             // stopped at the token limit
           Case{"a5;</think>8<eos><pad><pad>", true},   // what follows <eos> does not matter
           Case{"</think>8<eos></think>7<eos>", true},  // even this
           Case{"a5;</think>7</think>8<eos>", true},    // the last </think> counts
           Case{"<think></think>8<eos>", true},         // no trace
           Case{"a5;</think>7<eos>", false},
           Case{"a5;</think>8</think>7<eos>", false},
           Case{"a5;</think>88<eos>", false},
           Case{"a5;</think>8;<eos>", false},
           Case{"a5;</think>8<pad>", false},  // exact match
           Case{"a5;</think><eos>", false},
           Case{"a5;</think>", false},
           Case{"a5;b+38;8<eos>", false},  // thinking never closed
           Case{"8<eos>", false},
           Case{"8<eos></think>8", false},
           Case{"", false},
       }) {
    EXPECT_EQ(is_right(output, "8"), right) << output;
    EXPECT_EQ(is_right(encode(output), "8"), right) << output;
  }
}

TEST(Grader, FindsTheAnswerInText) {
  EXPECT_EQ(answer_in("a5;</think>96<eos>"), "96");
  EXPECT_EQ(answer_in("a5;</think>"), "");
  EXPECT_EQ(answer_in("a5;"), std::nullopt);
}

TEST(Grader, ForeignIdsAreWrongNotAnError) {
  EXPECT_FALSE(is_right(std::vector<TokenId>{kEndThink, 131072, -1, kEos}, "8"));
  EXPECT_THROW(is_right(std::vector<TokenId>{kEndThink}, "EIGHT"), Error);
}

}  // namespace
}  // namespace starnest::tasks
