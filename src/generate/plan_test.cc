#include "generate/plan.h"

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace starnest {
namespace {

TEST(Stages, TheirTextIsReadAndWritten) {
  for (const char* text : {"large:end", "small:tag,large:end", "small:tokens=64,medium:entropy=1.5,small:tag,large:end",
                           "v1:a:tokens=3/entropy=0.25,12b:end"})
    EXPECT_EQ(text_of(parse_stages(text)), text);
  const std::vector<Stage> stages = parse_stages("a:entropy=2/tokens=7,b:tag,c:end");
  EXPECT_EQ(stages[0].until.tokens, 7);
  EXPECT_EQ(stages[0].until.entropy, 2);
  EXPECT_EQ(stages[1], (Stage{"b", Until::tag()}));
  EXPECT_EQ(text_of(stages), "a:tokens=7/entropy=2,b:tag,c:end");
}

TEST(Stages, WhatIsNoPlanIsNamed) {
  for (const char* text :
       {"", ":end", "a", "a:", "a:never,b:end", "a:tokens=0,b:end", "a:tokens=x,b:end", "a:tokens=1/tokens=2,b:end",
        "a:entropy=-1,b:end", "a:entropy=nan,b:end", "a:entropy=inf,b:end", "a:entropy=1x,b:end", "a:tag/tokens=1,b:end",
        "a:tag", "a:tokens=4", "a:end,b:end", "a:tag,b:tag,c:end", "a:end,"})
    EXPECT_NE(error_of([&] { parse_stages(text); }).find("stages: "), std::string::npos) << text;
}

TEST(Stages, OfOneAndOfTwoSizes) {
  EXPECT_EQ(text_of(think_and_answer("a", "b")), "a:tag,b:end");
  EXPECT_EQ(text_of(think_and_answer("a", "a")), "a:end");
  EXPECT_EQ(text_of(think_and_answer("a", "")), "a:end");
  EXPECT_EQ(text_of(think_and_answer("", "b")), "b:end");
  EXPECT_TRUE(think_and_answer("", "").empty());
}

TEST(Stages, ThinkingEndsAtTheStageBehindTheTag) {
  const auto plan = [](std::vector<Until> ends) {
    ResolvedPlan out;
    for (const Until& end : ends) out.stages.push_back({1, end});
    return out;
  };
  const ResolvedPlan four = plan({Until::after(1), Until::tag(), Until::after(2), Until::end()});
  EXPECT_EQ(four.answering(), 2u);
  EXPECT_EQ(four.after_thinking(1), 2u);
  EXPECT_EQ(four.after_thinking(2), 2u);  // a text that closes once more
  const ResolvedPlan without = plan({Until::after(1), Until::end()});
  EXPECT_EQ(without.answering(), 0u);
  EXPECT_EQ(without.after_thinking(1), 1u);
}

}  // namespace
}  // namespace starnest
