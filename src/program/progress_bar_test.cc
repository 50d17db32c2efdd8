#include "program/progress_bar.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/ioctl.h>

#include "base/file.h"
#include "base/test_support.h"
#include "program/terminal.h"

namespace starnest {
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

TEST(ProgressBar, ResumedWorkShowsTheSpeedOfThisRunAndWhatItSays) {
  EXPECT_EQ(progress_line({.label = "train",
                           .unit = "steps",
                           .done = 300,
                           .total = 400,
                           .before = 200,
                           .seconds = 10,
                           .status = "loss 0.5"}),
            "train  [##################......]  75 %  300 of 400 steps  loss 0.5  10.0/s  0:10 left");
}

TEST(ProgressBar, NamesAreShownNotObeyed) {
  EXPECT_EQ(progress_line({.label = "eval \033[2J", .unit = "questions", .status = "a\nb"}),
            "eval \\x1b[2J  [########################]  100 %  0 of 0 questions  a\\nb");
}

// A window of so many columns; what is drawn on it.
class Window {
 public:
  explicit Window(unsigned short columns) : window_(::posix_openpt(O_RDWR | O_NOCTTY)) {
    ::grantpt(window_), ::unlockpt(window_);
    const winsize size{.ws_row = 5, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    ::ioctl(window_, TIOCSWINSZ, &size);
    terminal_ = std::fopen(::ptsname(window_), "w");
  }
  ~Window() {
    std::fclose(terminal_);
    ::close(window_);
  }
  std::FILE* file() const { return terminal_; }
  std::string drawn() const {
    std::string text;
    char part[4096];
    ::fcntl(window_, F_SETFL, O_NONBLOCK);
    for (ssize_t n; (n = ::read(window_, part, sizeof part)) > 0;) text.append(part, size_t(n));
    return text;
  }

 private:
  int window_;
  std::FILE* terminal_;
};

std::string drawn_by_a_bar(const char* terminal) {
  ::setenv("TERM", terminal, 1);
  const Window window(30);
  {
    ProgressBar bar("a name that is long", {.stays = true, .out = window.file()});
    bar.update(5, 5);
  }
  return window.drawn();
}

TEST(ProgressBar, IsNeverWiderThanTheWindow) {
  EXPECT_EQ(drawn_by_a_bar("xterm"), "\ra name that is long  [#######\033[K\r\n");
}

TEST(ProgressBar, ATerminalThatCannotRedrawGetsPlainLines) {
  for (const char* terminal : {"dumb", ""}) {
    const std::string drawn = drawn_by_a_bar(terminal);
    EXPECT_EQ(drawn.find("a name that is long  [########################]  100 %"), 0u) << drawn;
    EXPECT_EQ(drawn.find('\033'), drawn.npos);
  }
}

TEST(Terminal, ColoursAreLeftOutOnRequest) {
  ::setenv("TERM", "xterm", 1);
  const Window window(30);
  EXPECT_TRUE(terminal_of(window.file()).colours);
  ::setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(terminal_of(window.file()).colours);
  EXPECT_TRUE(terminal_of(window.file()).redraws);
  ::unsetenv("NO_COLOR");
  EXPECT_EQ(columns_of(window.file()), 30u);
}

TEST(Terminal, LinesAreCutBetweenCharacters) {
  EXPECT_EQ(fitted("abc", 2), "ab");
  EXPECT_EQ(fitted("a\xe2\x82\xac"
                   "b",
                   3),
            "a\xe2\x82\xac");
  EXPECT_EQ(fitted("a\xe2\x82\xac"
                   "b",
                   2),
            "a");
  EXPECT_EQ(fitted("abc", 0), "");
}

TEST(ProgressBar, AFileSeesNoRedrawing) {
  const TestFolder temp;
  const std::string path = temp / "log";
  std::FILE* file = std::fopen(path.c_str(), "w");
  ASSERT_NE(file, nullptr);
  {
    ProgressBar bar("quick", {.out = file});
    for (uint64_t i = 0; i <= 1000; ++i) bar.update(i, 1000);
  }
  std::fclose(file);
  EXPECT_EQ(read_text(path), "");
}

}  // namespace
}  // namespace starnest
