// Multiple choice on the command line.
#include "program.h"

namespace starnest {
namespace {

TEST(Choices, FilesThatAreNotSoAreNamed) {
  const TestFolder folder;
  const std::string model = STARNEST_SOURCE_DIR "/models/pocket";
  const auto error = [&](const std::string& text, std::vector<std::string> more = {"--shots", "0"}) {
    put_file(folder / "abc_test.csv", text);
    std::vector<std::string> words{"eval", "-t", "1", "-m", model, "--choices", (folder / "abc_test.csv").string()};
    words.insert(words.end(), more.begin(), more.end());
    const Finished finished = starnest_program(words);
    EXPECT_EQ(finished.exit_code, 1);
    return finished.err;
  };
  EXPECT_CONTAINS(error("a,b\n"), "abc_test.csv:1: has too few fields");
  EXPECT_CONTAINS(error("q,1,2,C\n"), "abc_test.csv:1: names no choice; expected A to B, got 'C'");
  EXPECT_CONTAINS(error(""), "holds no questions");
  EXPECT_CONTAINS(error("q,1,2,B\n", {}), "SUBJECT_dev.csv");
  EXPECT_CONTAINS(error("q?,1,2,B\n"), "vocabulary has no token");  // the words of the prompt
}

}  // namespace
}  // namespace starnest
