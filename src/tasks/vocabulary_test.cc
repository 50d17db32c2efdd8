#include "tasks/vocabulary.h"

#include <gtest/gtest.h>

#include "starnest/error.h"

namespace starnest::tasks {
namespace {

TEST(Vocabulary, EveryIdHasTheNumberOfTheTable) {
  EXPECT_EQ(token_name(0), "<pad>");
  EXPECT_EQ(token_name(kBos), "<bos>");
  EXPECT_EQ(token_name(kEos), "<eos>");
  EXPECT_EQ(token_name(kThink), "<think>");
  EXPECT_EQ(token_name(kEndThink), "</think>");
  EXPECT_EQ(token_name(5), "<e0>");
  EXPECT_EQ(token_name(7), "<e2>");
  EXPECT_EQ(token_name(8), "a");
  EXPECT_EQ(token_name(33), "z");
  EXPECT_EQ(token_name(34), "0");
  EXPECT_EQ(token_name(43), "9");
  EXPECT_EQ(token_name(44), "+");
  EXPECT_EQ(token_name(kStepEnd), ";");
  EXPECT_EQ(token_name(54), "?");
  EXPECT_EQ(token_name(55), "<spare_0>");
  EXPECT_EQ(token_name(63), "<spare_8>");
}

TEST(Vocabulary, EncodesAHandWorkedSample) {
  const std::vector<TokenId> expected{25, 50, 8, 39, 9, 44, 37, 54, 7, 3, 8, 39, 49, 9, 44, 37, 42, 49, 4, 42, 2};
  EXPECT_EQ(encode("r:a5b+3?<e2><think>a5;b+38;</think>8<eos>"), expected);
  EXPECT_EQ(decode(expected), "r:a5b+3?<e2><think>a5;b+38;</think>8<eos>");
}

TEST(Vocabulary, EveryIdSurvivesDecodeAndEncode) {
  std::vector<TokenId> all;
  for (TokenId id = 0; id < kVocabulary; ++id) all.push_back(id);
  EXPECT_EQ(encode(decode(all)), all);
  EXPECT_TRUE(encode("").empty());
}

void expect_refused(std::string_view text, std::string_view offset, std::string_view got) {
  try {
    encode(text);
    FAIL() << "encoded '" << text << "'";
  } catch (const Error& error) {
    EXPECT_EQ(error.parts().where, "task text, offset " + std::string(offset));
    EXPECT_EQ(error.parts().got, got);
  }
}

TEST(Vocabulary, ACharacterWithoutATokenIsNamedWithItsOffset) {
  expect_refused("a b", "1", "' '");
  expect_refused("r:A5", "2", "'A'");
  expect_refused("a<b", "1", "'<'");
  expect_refused("12\xc3\xa9", "2", "'\xc3\xa9'");
  expect_refused("12\xff", "2", "byte 0xff");
  expect_refused("\n", "0", "byte 0x0a");
  expect_refused("<think", "0", "'<'");
}

TEST(Vocabulary, AnIdOutsideIsRefused) {
  EXPECT_THROW(token_name(-1), Error);
  EXPECT_THROW(token_name(kVocabulary), Error);
  EXPECT_THROW(decode(std::vector<TokenId>{8, 64}), Error);
}

size_t count(const std::string& text, std::string_view part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(Vocabulary, TokenizerJsonHasEveryTokenOnce) {
  const std::string json = tokenizer_json();
  for (TokenId id = 0; id < kVocabulary; ++id) {
    const std::string entry = '"' + std::string(token_name(id)) + "\": " + std::to_string(id);
    EXPECT_EQ(count(json, entry), 1u) << entry;
  }
  EXPECT_EQ(count(json, "\"special\": true"), 17u);
  EXPECT_NE(json.find("{\"id\": 4, \"content\": \"</think>\""), std::string::npos);
  EXPECT_NE(json.find("\"merges\": []"), std::string::npos);
}

}  // namespace
}  // namespace starnest::tasks
