#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/test_support.h"
#include "program.h"

namespace starnest {
namespace {

using nlohmann::json;

const std::string kGpt2 = in_tests("data/tokenizers/gpt2_tokenizer.json");

TEST(Tokenize, TextBecomesIdsAndIdsBecomeText) {
  const Finished ids = starnest_program({"tokenize", "-m", kGpt2}, "Hello world\n");
  ASSERT_EQ(ids.exit_code, 0) << ids.err;
  EXPECT_EQ(json::parse(ids.out), (json{15496, 995, 198}));
  const Finished text = starnest_program({"tokenize", "-m", kGpt2, "--decode"}, ids.out);
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_EQ(text.out, "Hello world\n");
}

TEST(Tokenize, NothingBecomesAnEmptyList) { EXPECT_EQ(starnest_program({"tokenize", "-m", kGpt2}, "").out, "[]\n"); }

TEST(Tokenize, LinesOfJsonGoBothWays) {
  const std::string texts = "\"Hello\"\n\"\"\n\"two\\nlines \\u00e9\"\n";
  const Finished ids = starnest_program({"tokenize", "-m", kGpt2, "--jsonl"}, texts);
  ASSERT_EQ(ids.exit_code, 0) << ids.err;
  const Finished back = starnest_program({"tokenize", "-m", kGpt2, "--jsonl", "--decode"}, ids.out);
  ASSERT_EQ(back.exit_code, 0) << back.err;
  EXPECT_EQ(back.out, "\"Hello\"\n\"\"\n\"two\\nlines \xc3\xa9\"\n");
}

TEST(Tokenize, SpecialTokensCanBeLeftOut) {
  const Finished kept = starnest_program({"tokenize", "-m", kGpt2, "--decode"}, "[15496, 50256]");
  EXPECT_EQ(kept.out, "Hello<|endoftext|>");
  const Finished left_out = starnest_program({"tokenize", "-m", kGpt2, "--decode", "--no-special"}, "[15496, 50256]");
  EXPECT_EQ(left_out.out, "Hello");
}

TEST(Tokenize, ACorpusBecomesShards) {
  const TestFolder folder;
  const std::string plain = folder.write("a.txt", "Hello world\n<|endoftext|>\nHello\n").string();
  const std::string lines = folder.write("b.jsonl", "{\"text\": \" world\"}\nbroken\n").string();
  const std::string prefix = (folder / "corpus").string();
  const Finished refused = starnest_program({"tokenize", "-m", kGpt2, plain, lines, "--out", prefix});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_CONTAINS(refused.err, "b.jsonl:2");
  EXPECT_FALSE(std::filesystem::exists(prefix + ".bin"));

  const Finished done = starnest_program({"tokenize", "-m", kGpt2, plain, lines, "--out", prefix, "--most-bad", "1"});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_CONTAINS(done.err, "3 documents, 7 tokens; left out 1 bad and 0 empty ones");
  const std::vector<uint16_t> ids{15496, 995, 50256, 15496, 50256, 995, 50256};
  EXPECT_EQ(read_text(prefix + ".bin"), std::string(reinterpret_cast<const char*>(ids.data()), 14));
  EXPECT_TRUE(std::filesystem::exists(prefix + ".idx"));
}

TEST(TokenizeError, BadInputIsNamed) {
  const auto expect = [](const std::vector<std::string>& more, const std::string& input, const std::string& part) {
    std::vector<std::string> words{"tokenize", "-m", kGpt2};
    words.insert(words.end(), more.begin(), more.end());
    const Finished run = starnest_program(words, input);
    EXPECT_EQ(run.exit_code, 1);
    EXPECT_EQ(run.err.rfind("starnest: error: ", 0), 0u) << run.err;
    EXPECT_CONTAINS(run.err, part);
  };
  expect({}, "bad \xff byte", "UTF-8");
  expect({"--decode"}, "[1, ", "standard input: is not JSON");
  expect({"--decode"}, "7", "is not a list of ids");
  expect({"--decode"}, "[-1]", "is not a token id");
  expect({"--decode"}, "[99999999999]", "is not a token id");
  expect({"--decode"}, "[1.5]", "is not a token id");
  expect({"--jsonl"}, "\"a\"\n7\n", "standard input, line 2: is not a JSON string");
  const Finished nowhere = starnest_program({"tokenize", "-m", "/nowhere"});
  EXPECT_EQ(nowhere.exit_code, 1);
  EXPECT_CONTAINS(nowhere.err, "/nowhere");
}

}  // namespace
}  // namespace starnest
