#include "base/child_process.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/test_support.h"

namespace starnest {
namespace {

using std::chrono::seconds;

TEST(ChildProcess, GivesItsExitCodeOutputAndEnvironment) {
  const TestFolder folder;
  ChildProcess shell({"/bin/sh", "-c", "echo $STARNEST_TEST; echo bad >&2; exit 3"},
                     {.output = folder / "out", .environment = {{"STARNEST_TEST", "good"}}});
  EXPECT_EQ(shell.exit_code_within(seconds(20)), 3);
  EXPECT_EQ(read_text(folder / "out"), "good\nbad\n");
}

TEST(ChildProcess, IsEndedWhenAskedAndNotBefore) {
  ChildProcess sleeper({"/bin/sleep", "100"}, {});
  EXPECT_EQ(sleeper.exit_code_within(std::chrono::milliseconds(5)), std::nullopt);
  sleeper.ask_to_end();
  EXPECT_EQ(sleeper.exit_code_within(seconds(20)), -1);
}

TEST(ChildProcess, AProgramThatIsNotThereExitsWith127) {
  EXPECT_EQ(ChildProcess({"/no/such/program"}, {}).exit_code_within(seconds(20)), 127);
}

}  // namespace
}  // namespace starnest
