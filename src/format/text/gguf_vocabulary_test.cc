#include "format/text/gguf_vocabulary.h"

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace starnest {
namespace {

const HfConfig kIds =
    HfConfig::parse(R"({"bos_token_id": 3, "eos_token_id": [4, 2], "pad_token_id": 99})", "config.json");

// Five tokens and a hole, one merge.
std::string bpe(const std::string& pre_tokenizer, const std::string& more = "") {
  return R"({"added_tokens": [{"id": 3, "content": "<s>", "special": true}, {"id": 4, "content": "<t>"}],
    "pre_tokenizer": )" +
         pre_tokenizer + R"(, "decoder": {"type": "ByteLevel"}, "model": {"type": "BPE", )" + more +
         R"("vocab": {"a": 0, "b": 1, "ab": 2, "c": 6}, "merges": [["a", "b"]]}})";
}
const std::string kByteLevel = R"({"type": "ByteLevel", "add_prefix_space": false})";

GgufVocabulary vocabulary_of(const TestFolder& folder, const std::string& tokenizer) {
  put_file(folder / "tokenizer.json", tokenizer);
  return gguf_vocabulary(folder / "", kIds, 6);
}

GgufValue value_of(const GgufVocabulary& vocabulary, const std::string& name) {
  for (const GgufKey& key : vocabulary.keys)
    if (key.name == "tokenizer." + name) return key.value;
  return std::string("absent");
}

TEST(GgufVocabulary, ListsTokensKindsMergesAndIds) {
  const TestFolder folder;
  put_file(folder / "tokenizer_config.json", R"({"bos_token": {"content": "<t>"}})");
  const GgufVocabulary got = vocabulary_of(folder, bpe(kByteLevel));
  EXPECT_EQ(got.missing, "");
  EXPECT_EQ(value_of(got, "ggml.model"), GgufValue(std::string("gpt2")));
  EXPECT_EQ(value_of(got, "ggml.pre"), GgufValue(std::string("gpt-2")));
  EXPECT_EQ(value_of(got, "ggml.tokens"), GgufValue(std::vector<std::string>{"a", "b", "ab", "<s>", "<t>", "[PAD5]"}));
  EXPECT_EQ(value_of(got, "ggml.token_type"), GgufValue(std::vector<int32_t>{1, 1, 1, 3, 4, 5}));
  EXPECT_EQ(value_of(got, "ggml.merges"), GgufValue(std::vector<std::string>{"a b"}));
  EXPECT_EQ(value_of(got, "ggml.bos_token_id"), GgufValue(uint32_t{4}));  // before that of the model
  EXPECT_EQ(value_of(got, "ggml.eos_token_id"), GgufValue(uint32_t{4}));
  EXPECT_EQ(value_of(got, "ggml.padding_token_id"), GgufValue(std::string("absent")));  // the model has no token 99
  EXPECT_EQ(value_of(got, "ggml.add_bos_token"), GgufValue(false));
}

TEST(GgufVocabulary, NamesTheCutOfNemotron) {
  const TestFolder folder;
  const std::string llama3 =
      R"x({"type": "Sequence", "pretokenizers": [{"type": "Split", "behavior": "Isolated", "invert": false, "pattern":
      {"Regex": "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}},
      {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]})x";
  EXPECT_EQ(value_of(vocabulary_of(folder, bpe(llama3, R"("ignore_merges": true, )")), "ggml.pre"),
            GgufValue(std::string("pixtral")));
  // llama.cpp always ignores merges under this name.
  EXPECT_CONTAINS(vocabulary_of(folder, bpe(llama3)).missing, "no name for the way");
}

TEST(GgufVocabulary, IsNoneForAnUnknownCutAndWithoutAFile) {
  const TestFolder folder, empty;
  const GgufVocabulary got = vocabulary_of(
      folder, bpe(R"({"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": true}, )" +
                  kByteLevel + "]}"));
  EXPECT_CONTAINS(got.missing, "no name for the way");
  ASSERT_EQ(got.keys.size(), 1u);
  EXPECT_EQ(value_of(got, "ggml.model"), GgufValue(std::string("none")));
  EXPECT_CONTAINS(gguf_vocabulary(empty / "", kIds, 6).missing, "no tokenizer.json");
}

}  // namespace
}  // namespace starnest
