#include "tasks/split.h"

#include <array>

#include <gtest/gtest.h>

#include "base/rng.h"
#include "starnest/error.h"
#include "tasks/task.h"

namespace starnest::tasks {
namespace {

TEST(Split, AgreesWithCrc32InPython) {
  // zlib.crc32(b"r:a5b+3c*7d-2") % 50 == 11; the others were searched for.
  EXPECT_EQ(split_of("r:a5b+3c*7d-2"), Split::train);
  EXPECT_EQ(split_of("r:a0b+2c-1"), Split::test);
  EXPECT_EQ(split_of("r:a0b+3c+5"), Split::test);
  EXPECT_EQ(split_of("r:a0b+1c+7"), Split::development);
  EXPECT_EQ(split_of("r:a0b+4c-5"), Split::development);
}

TEST(Split, AFiftiethIsTestAndAFiftiethDevelopment) {
  Rng rng(3);
  std::array<int, 3> seen{};
  constexpr int kDraws = 50'000;
  for (int i = 0; i < kDraws; ++i) ++seen[size_t(split_of("r:" + task_named("r").draw_body(rng, 10)))];
  EXPECT_NEAR(seen[size_t(Split::test)], 1000, 126);  // 4 standard deviations of 31.3
  EXPECT_NEAR(seen[size_t(Split::development)], 1000, 126);
}

TEST(Split, SmallProblemsAreInEverySplitAllOthersInExactlyOne) {
  Rng rng(4);
  for (int k = 1; k <= 10; ++k) {
    for (int i = 0; i < 200; ++i) {
      const Problem problem{.task = "r", .body = task_named("r").draw_body(rng, k), .k = k};
      int splits = 0;
      for (const Split split : {Split::train, Split::development, Split::test}) splits += in_split(problem, split);
      EXPECT_EQ(splits, k == 1 ? 3 : 1) << problem.canonical();
    }
  }
}

TEST(Split, NamesAreParsedAndAMistakeGetsASuggestion) {
  for (const Split split : {Split::train, Split::development, Split::test}) {
    EXPECT_EQ(split_named(name_of(split)), split);
  }
  try {
    split_named("tets");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("Did you mean 'test'"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace starnest::tasks
