#include <array>
#include <set>

#include <gtest/gtest.h>

#include "starnest/error.h"
#include "tasks/task.h"
#include "tasks/test_trace.h"

namespace starnest::tasks {
namespace {

TEST(SerialArithmetic, SolvesAHandWorkedExample) {
  // 5, 5 + 3 = 8, 8 * 7 = 56 -> 6, 6 - 2 = 4
  EXPECT_EQ(trace_of("r", "a5b+3c*7d-2", Effort::full), "a5;b+38;c*76;d-24;");
  EXPECT_EQ(trace_of("r", "a5b+3c*7d-2", Effort::terse), "a5;b8;c6;d4;");
  EXPECT_EQ(trace_of("r", "a5b+3c*7d-2", Effort::none), "");
  for (const Effort effort : {Effort::none, Effort::terse, Effort::full}) {
    EXPECT_EQ(task_named("r").solve("a5b+3c*7d-2", effort).answer, "4");
  }
}

TEST(SerialArithmetic, WorksFromLeftToRightAndNeverBelowZero) {
  EXPECT_EQ(trace_of("r", "a2b+3c*3", Effort::terse), "a2;b5;c5;");  // not 2 + 9
  EXPECT_EQ(trace_of("r", "a2b-9", Effort::full), "a2;b-93;");
}

TEST(SerialArithmetic, TheLargerModulusHasTwoDigits) {
  // 5 + 13 = 18, 18 * 7 = 126 -> 29, 29 - 30 = -1 -> 96
  EXPECT_EQ(trace_of("r97", "a05b+13c*07d-30", Effort::full), "a05;b+1318;c*0729;d-3096;");
  EXPECT_EQ(trace_of("r97", "a05b+13c*07d-30", Effort::terse), "a05;b18;c29;d96;");
  EXPECT_EQ(task_named("r97").solve("a05b+13c*07d-30", Effort::none).answer, "96");
}

void expect_malformed(std::string_view task, std::string_view body, std::string_view where, std::string_view expected) {
  try {
    task_named(task).solve(body, Effort::full);
    FAIL() << "solved '" << body << "'";
  } catch (const Error& error) {
    EXPECT_NE(error.parts().where.find(where), std::string::npos) << error.what();
    EXPECT_EQ(error.parts().expected, expected);
  }
}

TEST(SerialArithmetic, AMalformedBodyIsRefusedWithItsOffset) {
  expect_malformed("r", "", "offset 0", "'a'");
  expect_malformed("r", "5", "offset 0", "'a'");
  expect_malformed("r", "a5b", "offset 3", "one of +-*");
  expect_malformed("r", "a5b/3", "offset 3", "one of +-*");
  expect_malformed("r", "a5c+3", "offset 2", "'b'");
  expect_malformed("r", "a5b+", "offset 4", "one of 0123456789");
  expect_malformed("r", "a5b*5", "offset 4", "a unit of the modulus");
  expect_malformed("r97", "a5b+3", "offset 2", "one of 0123456789");
  expect_malformed("r97", "a97", "offset 1", "a number below the modulus");
  std::string too_long = "a1";
  for (char label = 'b'; label <= 'z'; ++label) too_long += label + std::string("+1");
  EXPECT_EQ(task_named("r").solve(too_long, Effort::none).answer, "6");  // 26 ones
  expect_malformed("r", too_long + "a+1", "offset 77", "the end, since labels stop at z");
}

TEST(SerialArithmetic, KCountsTheOperationsAndEveryOperandMatters) {
  Rng rng(1);
  std::set<std::string> seen;
  for (int i = 0; i < 5000; ++i) seen.insert(task_named("r").draw_body(rng, 1));
  EXPECT_EQ(seen.size(), 210u);  // 10 values, + and - with 1 to 9, * with 3, 7, 9
  EXPECT_FALSE(seen.contains("a5b+0"));
  EXPECT_FALSE(seen.contains("a5b*1"));
  EXPECT_TRUE(seen.contains("a0b*7"));
  for (int k = 1; k <= 25; ++k) {
    EXPECT_EQ(task_named("r").solve(task_named("r").draw_body(rng, k), Effort::full).steps.size(), size_t(k) + 1);
  }
}

TEST(SerialArithmetic, AnswersAreUniformSoGuessingGivesATenth) {
  Rng rng(2);
  std::array<int, 10> seen{};
  constexpr int kDraws = 10'000;
  for (int i = 0; i < kDraws; ++i) {
    const std::string body = task_named("r").draw_body(rng, 1 + i % 10);
    ++seen[size_t(task_named("r").solve(body, Effort::none).answer[0] - '0')];
  }
  double chi_square = 0;
  for (const int n : seen) chi_square += (n - kDraws / 10.0) * (n - kDraws / 10.0) / (kDraws / 10.0);
  EXPECT_LT(chi_square, 27.9);  // 9 degrees of freedom, p = 0.001
}

TEST(Tasks, AnUnknownNameIsRefusedWithASuggestion) {
  try {
    task_named("r98");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("'r97'"), std::string::npos) << error.what();
  }
}

TEST(Tasks, NamesAreDistinctAndRangesMakeSense) {
  std::set<std::string> names;
  for (const auto& task : all_tasks()) {
    const TaskInfo& info = task->info();
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_LE(info.possible_k.low, info.train_k.low);
    EXPECT_LT(info.train_k.low, info.train_k.high);
    EXPECT_LT(info.train_k.high, info.possible_k.high) << "no stress set";
  }
}

}  // namespace
}  // namespace starnest::tasks
