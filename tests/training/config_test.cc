// Settings from a file: a section per job, flags win, and what is not known is named.
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/test_support.h"
#include "training_process.h"

namespace starnest {
namespace {

class ConfigFile : public ::testing::Test {
 protected:
  // What starnest-train says; `code` is what it must end with.
  std::string run(const std::vector<std::string>& words, int code) {
    const auto output = folder_ / "output";
    EXPECT_EQ(TrainingProcess(words, {}, output).exit_code_within(std::chrono::minutes(1)), code);
    return read_text(output);
  }
  std::string file(const std::string& text) { return folder_.write("recipe.toml", text).string(); }
  static bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

  TestFolder folder_;
};

TEST_F(ConfigFile, SetsWhatNoFlagSets) {
  const std::string recipe = file("[pretrain]\nout = \"" + (folder_ / "run").string() +
                                  "\"\nsteps = 7\nrate = 0.25\nmix-tasks = [\"r\", \"h\"]\n[elastify]\nsteps = 9\n");
  const std::string said = run({"pretrain", "--config", recipe, "--steps", "0", "--dev-problems", "4"}, 0);
  EXPECT_TRUE(has(said, "\nsteps = 0\n")) << said;
  EXPECT_TRUE(has(said, "\nrate = 0.25\n")) << said;
  EXPECT_TRUE(has(said, "\nmix.tasks = r h\n")) << said;
}

TEST_F(ConfigFile, MayUseEarlierNamesAsFlagsMay) {
  const std::string recipe = file("[rank]\nmodel = \"none\"\nout = \"x\"\nmix-families = [\"r\", \"h\"]\n");
  EXPECT_TRUE(has(run({"rank", "--config", recipe}, 1), "\nmix.tasks = r h\n"));
  EXPECT_TRUE(has(run({"rank", "--model", "none", "--out", "x", "--mix-families", "h"}, 1), "\nmix.tasks = h\n"));
  EXPECT_TRUE(has(run({"gaps", "--model", "none", "--families", "r", "h"}, 1), "none: is neither a folder"));
  EXPECT_FALSE(has(run({"gaps", "--help"}, 0), "families"));
}

TEST_F(ConfigFile, RefusesUnknownNames) {
  EXPECT_TRUE(has(run({"pretrain", "--config", file("[pretrain]\nstepz = 3\n")}, 2), "Did you mean '--steps'?"));
  EXPECT_TRUE(has(run({"pretrain", "--config", file("[pretrian]\nsteps = 3\n")}, 2), "Did you mean 'pretrain'?"));
  EXPECT_TRUE(has(run({"pretrain", "--config", (folder_ / "none").string()}, 2), "not readable"));
}

TEST_F(ConfigFile, IsNotNeededForUnknownFlagsToBeNamed) {
  EXPECT_TRUE(has(run({"pretrain", "--out", "x", "--stepz", "4"}, 2), "'--stepz'. Did you mean '--steps'?"));
  EXPECT_TRUE(has(run({"pretrain", "--confg", "x"}, 2), "'--confg'. Did you mean '--config'?"));
  EXPECT_TRUE(has(run({"rank", "--modle", "x", "--out", "y"}, 2), "'--modle'. Did you mean '--model'?"));
}

TEST_F(ConfigFile, ListsOfNumbersMayHaveCommas) {
  const std::string said =
      run({"cells", "--model", "none", "--out", "x", "--choice", "hidden_size=64", "--drop", "0,1"}, 1);
  EXPECT_TRUE(has(said, "none: is neither a folder")) << said;
}

}  // namespace
}  // namespace starnest
