#include "eval/likelihood.h"

#include <cmath>

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "generate/test_pocket.h"

namespace starnest {
namespace {

TextWindows windows_of(const std::string& text, TokenId start, size_t window) {
  const TestFolder folder;
  return read_windows(pocket(), folder.write("text.txt", text), start, window);
}

TEST(TextWindows, CountWhatIsPredicted) {
  const std::string text = "r:a5b\n<|endoftext|>\nabc\n";
  const TextWindows after = windows_of(text, 1, 4);
  EXPECT_EQ(after.ids, (std::vector<std::vector<TokenId>>{{1, 25, 50, 8, 39}, {1, 9}, {1, 8, 9, 10}}));
  EXPECT_EQ(after.tokens, 8u);
  EXPECT_EQ(after.bytes, 8u);
  const TextWindows alone = windows_of(text, -1, 4);  // the first token of a window is given
  EXPECT_EQ(alone.ids, (std::vector<std::vector<TokenId>>{{25, 50, 8, 39}, {9}, {8, 9, 10}}));
  EXPECT_EQ(alone.tokens, 5u);
  EXPECT_EQ(alone.bytes, 5u);
}

TEST(TextWindows, BitsPerByteAreThoseOfThePredictedBytes) {
  const TextWindows alone = windows_of("abc", -1, 8);
  const TextLikelihood result = text_likelihood(pocket(), "small", alone, 1);
  EXPECT_EQ(result.bytes, 2u);
  EXPECT_NEAR(result.bits_per_byte(), -result.log_likelihood / std::log(2.0) / 2, 1e-12);
  EXPECT_NEAR(std::exp2(result.bits_per_byte()), result.perplexity(), 1e-9);  // every token is one byte
}

TEST(TextWindows, NothingToPredictIsAnError) {
  EXPECT_NE(error_of([] { windows_of("a\n<|endoftext|>\nb\n", -1, 8); }).find("has no token to predict"),
            std::string::npos);
}

TEST(EncodeAfter, TheStartStandsOnce) {
  EXPECT_EQ(encode_after(pocket(), "ab", 1), (std::vector<TokenId>{1, 8, 9}));
  EXPECT_EQ(encode_after(pocket(), "<bos>ab", 1), (std::vector<TokenId>{1, 8, 9}));
  EXPECT_EQ(encode_after(pocket(), "ab", -1), (std::vector<TokenId>{8, 9}));
  EXPECT_EQ(encode_after(pocket(), "", 1), (std::vector<TokenId>{1}));
}

TEST(MinimalPairs, EveryWayToWriteATableIsRead) {
  const TestFolder folder;
  const auto pairs_of = [&](const std::string& text) { return read_minimal_pairs(folder.write("p.tsv", text)); };
  for (const char* text : {"paradigm\tgood\tbad\nx\ta\tb\nx\t\"c\" d\te\n",
                           "\xef\xbb\xbfparadigm\tgood\tbad\r\nx\ta\tb\r\nx\t\"c\" d\te\r\n\r\n",
                           "good\tparadigm\tbad\na\tx\tb\n\n\"c\" d\tx\te"}) {
    const std::vector<MinimalPair> pairs = pairs_of(text);
    ASSERT_EQ(pairs.size(), 2u) << text;
    EXPECT_EQ(pairs[1].paradigm, "x");
    EXPECT_EQ(pairs[1].good, "\"c\" d");
    EXPECT_EQ(pairs[1].bad, "e");
  }
}

TEST(MinimalPairs, LinesThatAreNotSoAreNamed) {
  const TestFolder folder;
  const auto expect = [&](const std::string& text, const char* part) {
    const std::string message = error_of([&] { read_minimal_pairs(folder.write("p.tsv", text)); });
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  expect("", "p.tsv: is empty");
  expect("good\tbad\n", "p.tsv: holds no pairs");
  expect("good\tworse\na\tb\n", "has no column 'bad'");
  expect("good\tbad\na\tb\na\tb\tc\n", "p.tsv:3: has another number of fields");
  expect("good\tbad\n\na\t\n", "p.tsv:3: has an empty sentence");
}

TEST(Likelihood, DivergenceIsTheSameFromASizeOfAnotherCopyOfTheFamily) {
  const Family other = open_pocket();
  const TextWindows text = windows_of("r:a5b+3c*7d-2?r:a1b*7c*7d+9?", 1, 8);
  const TextDivergence inside = text_divergence({pocket(), "small"}, {pocket(), "large"}, text, 3);
  const TextDivergence across = text_divergence({pocket(), "small"}, {other, "large"}, text, 3);
  EXPECT_GT(inside.mean, 1e-4);
  EXPECT_EQ(across.mean, inside.mean);
  EXPECT_EQ(across.same_choice, inside.same_choice);
  EXPECT_EQ(text_divergence({pocket(), "medium"}, {other, "medium"}, text, 2).mean, 0);
}

TEST(Likelihood, DivergenceNeedsOneVocabulary) {
  const Family other = Family::open(STARNEST_SOURCE_DIR "/models/storyteller", {.threads = 1});
  const TextWindows text = windows_of("ab", 1, 8);
  EXPECT_CONTAINS(error_of([&] { text_divergence({pocket(), "small"}, {other, "small"}, text, 1); }),
                  "another vocabulary");
}

}  // namespace
}  // namespace starnest
