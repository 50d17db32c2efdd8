#include <algorithm>

#include <gtest/gtest.h>

#include "program.h"

namespace starnest {
namespace {

TEST(Usage, HelpHasExamplesAndSucceeds) {
  const Finished help = starnest_program({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_EQ(help.err, "");
  for (const char* command : {"inspect", "slice", "quantize", "export", "tokenize", "run"}) {
    EXPECT_CONTAINS(help.out, command);
    const Finished own = starnest_program({command, "--help"});
    EXPECT_EQ(own.exit_code, 0);
    EXPECT_CONTAINS(own.out, "Examples:");
    EXPECT_CONTAINS(own.out, "--model");
  }
}

TEST(Usage, VersionIsOneLine) {
  const Finished version = starnest_program({"--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_EQ(version.out.rfind("starnest ", 0), 0u);
  EXPECT_CONTAINS(version.out, ", kernels ");
  EXPECT_EQ(std::count(version.out.begin(), version.out.end(), '\n'), 1);
}

TEST(Usage, NothingToDoShowsTheHelpAndFails) {
  const Finished nothing = starnest_program({});
  EXPECT_EQ(nothing.exit_code, 2);
  EXPECT_EQ(nothing.out, "");
  EXPECT_CONTAINS(nothing.err, "Usage: starnest");
}

TEST(Usage, WrongWordsAreNamedWithTheNearestRightOne) {
  const auto expect = [](const std::vector<std::string>& words, const std::string& part) {
    const Finished wrong = starnest_program(words);
    EXPECT_EQ(wrong.exit_code, 2);
    EXPECT_EQ(wrong.out, "");
    EXPECT_EQ(wrong.err.rfind("starnest: error: ", 0), 0u) << wrong.err;
    EXPECT_CONTAINS(wrong.err, part);
  };
  expect({"slcie", "-m", "x"}, "there is no command 'slcie'. Did you mean 'slice'?");
  expect({"--verion"}, "unknown option '--verion'. Did you mean '--version'?");
  expect({"slice", "-m", "x", "--sise", "a"}, "starnest slice: unknown option '--sise'. Did you mean '--size'?");
  expect({"slice", "-m", "x", "--sise=a"}, "unknown option '--sise'. Did you mean '--size'?");
  expect({"slice", "-m", "x", "-o", "y"}, "--size is required");
  expect({"--foo", "slice"}, "starnest: unknown option '--foo'");
  expect({"inspect"}, "--model is required");
  expect({"inspect", "-m", "x", "more"}, "unexpected argument 'more'");
  expect({"inspect", "-m"}, "Try 'starnest inspect --help'");
}

TEST(EvalText, PerplexityAndMinimalPairsOfEverySize) {
  const TestFolder folder;
  const std::string text = folder.write("text.txt", "r:a5b+3?").string();
  const Finished perplexity = starnest_program({"eval", "-m", kPocket, "--text", text, "--start", "<bos>"});
  ASSERT_EQ(perplexity.exit_code, 0) << perplexity.err;
  for (const char* size :
       {"large: perplexity ", "medium: perplexity ", "small: perplexity ", "8 tokens of 1 documents"})
    EXPECT_CONTAINS(perplexity.out, size);
  const std::string report = folder / "report/text.json";
  const Finished written =
      starnest_program({"eval", "-m", kPocket, "--text", text, "--start", "<bos>", "--json", report});
  EXPECT_EQ(written.out, perplexity.out);
  EXPECT_CONTAINS(file_text(report), "\"sizes\":{\"large\":{\"perplexity\":");
  EXPECT_CONTAINS(starnest_program({"eval", "-m", kPocket, "--text", text, "--start", "<boss>"}).err,
                  "--start: the vocabulary has no such token");
  EXPECT_CONTAINS(
      starnest_program({"eval", "-m", kPocket, "--text", text, "--think-size", "small", "--answer-size", "large"}).err,
      "a likelihood is that of one");
  const std::string pairs = folder.write("pairs.tsv", "good\tbad\na;\ta(\nonly one\n").string();
  EXPECT_EQ(starnest_program({"eval", "-m", kPocket, "--pairs", pairs, "--choices", "q_test.csv"}).exit_code, 2);
  const Finished broken = starnest_program({"eval", "-m", kPocket, "--pairs", pairs});
  EXPECT_EQ(broken.exit_code, 1);
  EXPECT_CONTAINS(broken.err, "pairs.tsv:3: has another number of fields");
}

}  // namespace
}  // namespace starnest
