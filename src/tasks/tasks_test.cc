// Every task: hand-worked examples, malformed bodies, and what holds for all of them.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "starnest/error.h"
#include "tasks/task.h"
#include "tasks/test_trace.h"
#include "tasks/vocabulary.h"

namespace starnest::tasks {
namespace {

constexpr std::array kEfforts{Effort::none, Effort::terse, Effort::full};

std::string answer_of(std::string_view task, std::string_view body) {
  return task_named(task).solve(body, Effort::none).answer;
}

struct Example {
  const char *task, *body, *full, *terse, *answer;
};

constexpr Example kExamples[] = {
    {"h", "bp,qm,pq,js,sp:j4", "4js;3sp;2pq;1qm;", "j;s;p;q;m;", "m"},
    {"h", "ab,bc,ca:a12", "12ab;11bc;10ca;9ab;8bc;7ca;6ab;5bc;4ca;3ab;2bc;1ca;", "a;b;c;a;b;c;a;b;c;a;b;c;a;", "a"},
    // p = 9, 9 * 7 = 63 -> 3, 3 - 9 = -6 -> 4
    {"c", "t=x-9,x=p*7,p=9,a=x*3:t", "t=x-9;x=p*7;p=9;p9;x*73;t-94;", "t;x;p;p9;x3;t4;", "4"},
    {"c", "t=x-9,x=p*7,p=9,a=x*3:p", "p=9;p9;", "p;p9;", "9"},
    // 1 + 3 = 4; 4 + 7 = 11; 9 + 0 + 1 = 10: 941 + 73 = 1014
    {"a", "a13b47c90", "a130=40:4;b470=11:41;c901=01:410;", "a40;b11;c01;", "4101"},
    {"p", "dbac,a03b12", "a03cbad;b12cabd;", "acbad;bcabd;", "cabd"},
    {"p5", "edcba,a04b13", "a04adcbe;b13abcde;", "aadcbe;babcde;", "abcde"},
    // 4; 31; 7 * 31 + 3 = 220 -> 26; 185 -> 88; 619 -> 37
    {"i", "*07+03,a04>e", "a04;b31;c26;d88;e37;", "a04;c26;e37;", "37"},
    {"i", "*07+03,a04>d", "a04;b31;c26;d88;", "a04;c26;d88;", "88"},
};

TEST(Tasks, SolveHandWorkedExamples) {
  for (const Example& example : kExamples) {
    SCOPED_TRACE(std::string(example.task) + ":" + example.body);
    EXPECT_EQ(trace_of(example.task, example.body, Effort::full), example.full);
    EXPECT_EQ(trace_of(example.task, example.body, Effort::terse), example.terse);
    EXPECT_EQ(trace_of(example.task, example.body, Effort::none), "");
    for (const Effort effort : kEfforts)
      EXPECT_EQ(task_named(example.task).solve(example.body, effort).answer, example.answer);
  }
}

struct Malformed {
  const char *task, *body;
  size_t offset;
};

constexpr Malformed kMalformed[] = {
    {"h", "", 0},
    {"h", "ab,ac:a1", 3},  // two arrows from a
    {"h", "ab:a2", 3},     // the path ends
    {"h", "ab:a", 4},
    {"h", "ab:a1x", 5},
    {"c", "t=x-9:t", 6},         // x is nowhere
    {"c", "t=x-9,x=t*7:t", 12},  // in a circle
    {"c", "t=1,t=2:t", 4},       // twice
    {"c", "t=1,x=t*5:x", 8},     // no unit
    {"c", "t=1:tt", 5},
    {"a", "a1", 2},
    {"a", "b12", 0},
    {"a", "a12c34", 3},
    {"p", "aabc,a01", 1},
    {"p", "abce,a01", 3},
    {"p", "abcd,a10", 7},  // the smaller place first
    {"p", "abcd,", 5},
    {"i", "*07+03,a04>a", 11},
    {"i", "*97+03,a04>b", 1},
    {"i", "+07+03,a04>b", 0},
    {"f", "a5b+3,zzzz>", 6},
    {"f", "", 0},
};

TEST(Tasks, RefuseAMalformedBodyWithItsOffset) {
  for (const Malformed& bad : kMalformed) {
    SCOPED_TRACE(std::string(bad.task) + ":" + bad.body);
    try {
      task_named(bad.task).solve(bad.body, Effort::full);
      ADD_FAILURE() << "solved";
    } catch (const Error& error) {
      EXPECT_TRUE(error.parts().where.ends_with("body offset " + std::to_string(bad.offset))) << error.what();
    }
  }
}

TEST(Tasks, DrawProblemsThatTheySolveAtEveryKAndEffort) {
  for (const auto& task : all_tasks()) {
    const TaskInfo& info = task->info();
    Rng rng(7);
    for (int k = info.possible_k.low; k <= info.possible_k.high; ++k)
      for (int i = 0; i < 50; ++i) {
        const std::string body = task->draw_body(rng, k);
        SCOPED_TRACE(info.name + ":" + body);
        const Solution none = task->solve(body, Effort::none), full = task->solve(body, Effort::full);
        const Solution terse = task->solve(body, Effort::terse);
        EXPECT_TRUE(none.steps.empty());
        EXPECT_FALSE(none.answer.empty());
        EXPECT_EQ(none.answer, full.answer);
        EXPECT_EQ(none.answer, terse.answer);
        EXPECT_FALSE(full.steps.empty());
        for (const Solution* solution : {&full, &terse})
          for (const std::string& step : solution->steps) {
            EXPECT_EQ(std::count(step.begin(), step.end(), ';'), 1);
            EXPECT_EQ(step.back(), ';');
            EXPECT_NO_THROW(encode(step));
          }
        EXPECT_NO_THROW(encode(body + none.answer));
      }
  }
}

TEST(Tasks, StepsGrowWithK) {
  Rng rng(3);
  const std::map<std::string, int> steps_beyond_k{{"r", 1}, {"h", 0}, {"a", 0}, {"p", 0}, {"i", 1}, {"f", 2}};
  for (const auto& [name, more] : steps_beyond_k)
    for (int k = 1; k <= 8; ++k) {
      const std::string body = task_named(name).draw_body(rng, k);
      EXPECT_EQ(task_named(name).solve(body, Effort::full).steps.size(), size_t(k + more)) << name << ":" << body;
    }
  for (int k = 1; k <= 8; ++k)  // back: k + 1, forward: k + 1
    EXPECT_EQ(task_named("c").solve(task_named("c").draw_body(rng, k), Effort::full).steps.size(), size_t(2 * k + 2));
}

// What no model can beat without working the problem out: no answer is much more frequent than chance.
TEST(Tasks, NoAnswerIsFrequent) {
  const std::map<std::string, double> chance{{"r", 0.1},      {"r97", 1 / 97.0}, {"h", 1 / 26.0}, {"c", 0.1},
                                             {"p", 1 / 24.0}, {"p5", 1 / 120.0}, {"i", 1 / 97.0}, {"f", 1 / 676.0}};
  constexpr int kDraws = 20'000;
  for (const auto& [name, expected] : chance) {
    const Task& task = task_named(name);
    const KRange k = task.info().train_k;
    Rng rng(11);
    std::map<std::string, int> seen;
    for (int i = 0; i < kDraws; ++i)
      ++seen[answer_of(name, task.draw_body(rng, std::max(2, k.low) + i % (k.high - std::max(2, k.low) + 1)))];
    const int most = std::max_element(seen.begin(), seen.end(), [](const auto& a, const auto& b) {
                       return a.second < b.second;
                     })->second;
    EXPECT_LT(most, kDraws * expected + 5 * std::sqrt(kDraws * expected) + 20) << name;
  }
}

TEST(ColumnAddition, AddsAsIntegersDo) {
  Rng rng(5);
  for (int i = 0; i < 500; ++i) {
    const std::string body = task_named("a").draw_body(rng, 1 + i % 9);
    uint64_t upper = 0, lower = 0, sum = 0, place = 1;
    for (size_t at = 0; at < body.size(); at += 3, place *= 10) {
      upper += place * uint64_t(body[at + 1] - '0');
      lower += place * uint64_t(body[at + 2] - '0');
    }
    std::string answer = answer_of("a", body);
    std::reverse(answer.begin(), answer.end());
    sum = std::stoull(answer);
    EXPECT_EQ(sum, upper + lower) << body;
  }
}

TEST(Facts, AreAFixedTableThatACalculationOnlyLooksUp) {
  Rng rng(9);
  std::map<std::string, std::string> table;
  for (int i = 0; i < 60'000; ++i) {
    const std::string body = task_named("f").draw_body(rng, 0);
    const auto [known, fresh] = table.emplace(body, answer_of("f", body));
    EXPECT_EQ(known->second, answer_of("f", body));
  }
  EXPECT_GT(table.size(), 5'900u);
  EXPECT_LE(table.size(), 6'000u);
  for (int i = 0; i < 200; ++i) {
    const std::string body = task_named("f").draw_body(rng, 1 + i % 8);
    const size_t comma = body.find(',');
    const std::string key = body.substr(comma + 1, 3) + answer_of("r", body.substr(0, comma)) + ">";
    EXPECT_EQ(answer_of("f", body), answer_of("f", key)) << body;
    EXPECT_EQ(task_named("f").solve(body, Effort::full).steps.back() + ">", key.substr(0, 4) + ";>");
  }
  // Part of every trained checkpoint: a change here would make what they know wrong.
  EXPECT_EQ(table.begin()->first + table.begin()->second, "aar0>no");
}

}  // namespace
}  // namespace starnest::tasks
