#include "cli/progress_bar.h"

#include <gtest/gtest.h>

#include "program.h"

namespace starnest::cli {
namespace {

TEST(ProgressBar, SaysHowFarHowFastAndHowLong) {
  constexpr uint64_t kMiB = 1024 * 1024;
  EXPECT_EQ(progress_line({.label = "slice 12b", .done = 512 * kMiB, .total = 1024 * kMiB, .seconds = 4}),
            "slice 12b  [############............]  50 %  512.00 MiB of 1.00 GiB  128.00 MiB/s  0:04 left");
  EXPECT_EQ(progress_line({.label = "eval", .unit = "problems", .done = 250, .total = 1000, .seconds = 100}),
            "eval  [######..................]  25 %  250 of 1,000 problems  2.5/s  5:00 left");
}

TEST(ProgressBar, StartsAndEndsWithoutADivisionByZero) {
  EXPECT_EQ(progress_line({.label = "x", .done = 0, .total = 10, .seconds = 1}),
            "x  [........................]  0 %  0 B of 10 B");
  EXPECT_EQ(progress_line({.label = "x", .done = 0, .total = 0}), "x  [########################]  100 %  0 B of 0 B");
}

TEST(ProgressBar, DurationsAreReadable) {
  EXPECT_EQ(duration_text(0), "0:00");
  EXPECT_EQ(duration_text(65.4), "1:05");
  EXPECT_EQ(duration_text(3723), "1:02:03");
}

TEST(ProgressBar, AFileSeesNoRedrawing) {
  const TestFolder temp;
  const std::string path = temp / "log";
  std::FILE* file = std::fopen(path.c_str(), "w");
  ASSERT_NE(file, nullptr);
  {
    ProgressBar bar("quick", "B", file);
    for (uint64_t i = 0; i <= 1000; ++i) bar.update(i, 1000);
  }
  std::fclose(file);
  EXPECT_EQ(file_text(path), "");
}

}  // namespace
}  // namespace starnest::cli
