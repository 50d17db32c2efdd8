#include "format/text/tokenizer.h"

#include <sstream>

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/test_support.h"

namespace starnest {
namespace {

using Ids = std::vector<TokenId>;
const std::string kData = STARNEST_SOURCE_DIR "/tests/data/tokenizers/";

std::vector<std::string> vector_texts() {
  const std::string all = read_text(kData + "bpe_vectors.inp"), mark = "\n__ggml_vocab_test__\n";
  std::vector<std::string> texts;
  size_t begin = 0;
  for (size_t end; (end = all.find(mark, begin)) != all.npos; begin = end + mark.size()) {
    texts.push_back(all.substr(begin, end - begin));
  }
  return texts;
}

std::vector<Ids> vector_ids(const std::string& file) {
  std::istringstream lines(read_text(kData + file));
  std::vector<Ids> all;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream numbers(line);
    Ids& ids = all.emplace_back();
    for (TokenId id; numbers >> id;) ids.push_back(id);
  }
  return all;
}

void check_vectors(const char* tokenizer_file, const char* ids_file) {
  const Tokenizer tokenizer(kData + tokenizer_file);
  const auto texts = vector_texts();
  const auto expected = vector_ids(ids_file);
  ASSERT_EQ(texts.size(), 46u);
  ASSERT_GE(expected.size(), texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    const Ids ids = tokenizer.encode(texts[i]);
    EXPECT_EQ(ids, expected[i]) << texts[i];
    EXPECT_EQ(tokenizer.decode(ids, /*skip_special=*/false), texts[i]);
  }
}

TEST(Tokenizer, AgreesWithTheVectorsForGpt2) { check_vectors("gpt2_tokenizer.json", "bpe_vectors.gpt2.out"); }
TEST(Tokenizer, AgreesWithTheVectorsForNeox) { check_vectors("neox_20b_tokenizer.json", "bpe_vectors.neox.out"); }

TEST(Tokenizer, KnowsItsTokens) {
  const Tokenizer tokenizer(kData + "gpt2_tokenizer.json");
  EXPECT_EQ(tokenizer.size(), 50257u);
  EXPECT_EQ(tokenizer.id_of("<|endoftext|>"), 50256);
  EXPECT_EQ(tokenizer.id_of("Ġthe"), 262);
  EXPECT_EQ(tokenizer.id_of(" the"), std::nullopt);
  EXPECT_EQ(tokenizer.token_bytes(262), " the");
  EXPECT_EQ(tokenizer.token_text(262), "Ġthe");
  EXPECT_TRUE(tokenizer.is_special(50256));
  EXPECT_FALSE(tokenizer.is_special(262));
  for (const TokenId none : {-1, 50257}) {
    EXPECT_EQ(tokenizer.token_bytes(none), "");
    EXPECT_FALSE(tokenizer.is_special(none));
  }
}

TEST(Tokenizer, SpecialTokensAreParsedOnRequestOnly) {
  const Tokenizer tokenizer(kData + "gpt2_tokenizer.json");
  EXPECT_EQ(tokenizer.encode("a<|endoftext|>"), (Ids{64, 50256}));
  const Ids plain = tokenizer.encode("a<|endoftext|>", {.parse_special_tokens = false});
  EXPECT_EQ(plain, (Ids{64, 27, 91, 437, 1659, 5239, 91, 29}));
  EXPECT_EQ(tokenizer.decode(plain, /*skip_special=*/true), "a<|endoftext|>");
  EXPECT_EQ(tokenizer.decode(Ids{64, 50256}, /*skip_special=*/true), "a");
  EXPECT_EQ(tokenizer.decode(Ids{64, 50256}, /*skip_special=*/false), "a<|endoftext|>");
}

TEST(Tokenizer, InvalidUtf8IsNamedByItsOffset) {
  const Tokenizer tokenizer(kData + "gpt2_tokenizer.json");
  EXPECT_NE(error_of([&] { tokenizer.encode("abc\xff"); }).find("byte 3"), std::string::npos);
}

TEST(Tokenizer, LongRunsAreNotQuadratic) {
  const Tokenizer tokenizer(kData + "gpt2_tokenizer.json");
  for (const char c : {' ', 'a', '!', '\n', '0'}) {
    const std::string text(300'000, c);
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text), /*skip_special=*/false), text);
  }
}

// Half a character is never shown: three tokens of one emoji, then one that is cut off.
TEST(StreamDecoder, GivesWholeCharactersAndTheTextOfDecode) {
  const Tokenizer tokenizer(kData + "gpt2_tokenizer.json");
  Ids ids = tokenizer.encode("a 🦙é中");
  ids.push_back(50256);
  ids.push_back(*tokenizer.id_of("ð"));  // byte F0
  for (const bool skip : {false, true}) {
    StreamDecoder decoder(tokenizer, skip);
    std::string text;
    for (const TokenId id : ids) {
      const std::string part = decoder.push(id);
      EXPECT_EQ(part.find("\xef\xbf\xbd"), std::string::npos);
      text += part;
    }
    EXPECT_TRUE(text.ends_with(skip ? "中" : "<|endoftext|>"));
    text += decoder.finish();
    EXPECT_EQ(text, tokenizer.decode(ids, skip));
    EXPECT_EQ(decoder.finish(), "");
  }
}

// 64 ids, one per character, as the small models of the project use.
std::string char_level_json(const std::string& normalizer) {
  const std::string characters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP0123456789+-*=.,?";
  std::string vocab = R"("<pad>":0,"<eos>":1,"Ġ":2,"Ċ":3)";
  int id = 4;
  for (const char c : characters) vocab += std::string(",\"") + c + "\":" + std::to_string(id++);
  return R"({"version":"1.0","normalizer":)" + normalizer +
         R"(,"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"use_regex":false},"post_processor":null,)"
         R"("decoder":{"type":"ByteLevel"},"added_tokens":[{"id":0,"content":"<pad>","special":true},)"
         R"({"id":1,"content":"<eos>","special":true},{"id":63,"content":"<think>","special":true}],)"
         R"("model":{"type":"BPE","vocab":{)" +
         vocab + R"(},"merges":[]}})";
}

TEST(Tokenizer, ReadsACharacterLevelVocabulary) {
  const TestFolder folder;
  const Tokenizer tokenizer(folder.write("tokenizer.json", char_level_json("null")));
  EXPECT_EQ(tokenizer.size(), 64u);
  EXPECT_EQ(tokenizer.encode("ab\n a<think>?"), (Ids{4, 5, 3, 2, 4, 63, 62}));
  EXPECT_EQ(tokenizer.decode(Ids{4, 5, 3, 2, 4, 63, 62}, /*skip_special=*/false), "ab\n a<think>?");
  EXPECT_EQ(tokenizer.id_of("<think>"), 63);
}

// Tokens were added to the file, but the model's embeddings stayed as they were.
TEST(Tokenizer, AModelMayHaveFewerTokens) {
  const Tokenizer whole = Tokenizer::parse(char_level_json("null"), "letters");
  const Tokenizer limited = whole.for_vocabulary(62);
  EXPECT_EQ(limited.size(), 62u);
  EXPECT_EQ(limited.encode("ab\n"), (Ids{4, 5, 3}));
  EXPECT_FALSE(limited.id_of("<think>"));
  EXPECT_NE(error_of([&] {
              limited.encode("ab<think>");
            }).find("needs the token '<think>', which the model does not have; expected ids below 62, got 63"),
            std::string::npos);
  EXPECT_THROW(limited.encode("a?"), Error);
  EXPECT_EQ(whole.for_vocabulary(1000).size(), 64u);
  EXPECT_EQ(whole.for_vocabulary(64).encode("<think>"), (Ids{63}));
}

TEST(Tokenizer, ACharacterOutsideTheVocabularyIsNamedWithItsOffset) {
  const TestFolder folder;
  const Tokenizer tokenizer(folder.write("tokenizer.json", char_level_json("null")));
  const auto message = [&](std::string_view text) { return error_of([&] { tokenizer.encode(text); }); };
  EXPECT_NE(message("abé").find("no token for 'é' (U+00E9) at byte 2"), std::string::npos) << message("abé");
  EXPECT_NE(message("a<eos>b😀").find("'😀' (U+1F600) at byte 7"), std::string::npos);
  EXPECT_NE(message("a\tb").find("U+0009 at byte 1"), std::string::npos);
}

TEST(Tokenizer, TheOffsetIsThatOfTheTextBeforeItWasNormalised) {
  const TestFolder folder;
  const Tokenizer tokenizer(folder.write("tokenizer.json", char_level_json(R"({"type":"NFC"})")));
  const auto message = [&](std::string_view text) { return error_of([&] { tokenizer.encode(text); }); };
  EXPECT_NE(message("abe\u0301").find("'é' (U+00E9) at byte 2"), std::string::npos) << message("abe\u0301");
  EXPECT_NE(message("<eos>ab\u212b").find("'Å' (U+00C5) at byte 7"), std::string::npos);
}

}  // namespace
}  // namespace starnest
