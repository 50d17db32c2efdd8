// Which tokenizer.json files are understood, and what the others are told.
#include <map>

#include <gtest/gtest.h>

#include "base/rng.h"
#include "base/test_support.h"
#include "format/text/tokenizer.h"

namespace starnest {
namespace {

using Ids = std::vector<TokenId>;

// A small file: a b c 1 space, "ab" and "abc" as merges, <s> as an added token. Parts are replaced by `parts`.
std::string file_with(const std::map<std::string, std::string>& parts) {
  std::map<std::string, std::string> all{
      {"normalizer", "null"},
      {"pre_tokenizer", R"({"type":"ByteLevel","add_prefix_space":false,"use_regex":true})"},
      {"post_processor", "null"},
      {"decoder", R"({"type":"ByteLevel"})"},
      {"added_tokens", R"([{"id":7,"content":"<s>","special":true}])"},
      {"truncation", R"({"max_length":1})"},
      {"model", R"({"type":"BPE","vocab":{"a":0,"b":1,"c":2,"1":3,"Ġ":4,"ab":5,"abc":6},"merges":["a b","ab c"]})"}};
  for (const auto& [key, value] : parts) all[key] = value;
  std::string text;
  for (const auto& [key, value] : all) text += (text.empty() ? "{\"" : ",\"") + key + "\":" + value;
  return text + "}";
}

Tokenizer tokenizer_with(const std::map<std::string, std::string>& parts) {
  const TestFolder folder;
  return Tokenizer(folder.write("tokenizer.json", file_with(parts)));
}

Ids encode(const std::map<std::string, std::string>& parts, std::string_view text) {
  return tokenizer_with(parts).encode(text);
}

void expect_refused(const char* part, const std::string& value, std::initializer_list<const char*> words) {
  const std::string message = error_of([&] { tokenizer_with({{part, value}}); });
  EXPECT_NE(message.find("tokenizer.json: "), std::string::npos) << value;
  for (const char* word : words) EXPECT_NE(message.find(word), std::string::npos) << word << " not in: " << message;
}

std::string model(const std::string& keys, const std::string& merges = R"(["a b","ab c"])") {
  return R"({"type":"BPE",)" + keys + R"("vocab":{"a":0,"b":1,"c":2,"1":3,"Ġ":4,"ab":5,"abc":6},"merges":)" + merges +
         "}";
}

TEST(TokenizerJson, BothFormsOfMergesAreTheSame) {
  EXPECT_EQ(encode({}, "abc ab"), (Ids{6, 4, 5}));
  EXPECT_EQ(encode({{"model", model("", R"([["a","b"],["ab","c"]])")}}, "abc ab"), (Ids{6, 4, 5}));
}

TEST(TokenizerJson, IgnoreMergesTakesAWholePiece) {
  EXPECT_EQ(encode({{"model", model("", "[]")}}, "abc"), (Ids{0, 1, 2}));
  EXPECT_EQ(encode({{"model", model(R"("ignore_merges":true,)", "[]")}}, "abc"), (Ids{6}));
}

TEST(TokenizerJson, TheUnknownTokenIsUsed) {
  EXPECT_EQ(encode({{"model", model(R"("unk_token":"1",)")}}, "aé"), (Ids{0, 3, 3}));
  EXPECT_EQ(encode({{"model", model(R"("unk_token":"1","fuse_unk":true,)")}}, "aé"), (Ids{0, 3}));
}

TEST(TokenizerJson, ATemplatePutsTokensAround) {
  const std::string post =
      R"({"type":"Sequence","processors":[{"type":"ByteLevel"},{"type":"TemplateProcessing","single":[)"
      R"({"SpecialToken":{"id":"BOS","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"BOS"}}],)"
      R"("special_tokens":{"BOS":{"id":"BOS","ids":[7,3],"tokens":["<s>","1"]}}}]})";
  const Tokenizer tokenizer = tokenizer_with({{"post_processor", post}});
  EXPECT_EQ(tokenizer.encode("a"), (Ids{7, 3, 0, 7, 3}));
  EXPECT_EQ(tokenizer.encode(""), (Ids{7, 3, 7, 3}));
  EXPECT_EQ(tokenizer.encode("a", {.add_special_tokens = false}), (Ids{0}));
}

TEST(TokenizerJson, PreTokenizersAreCombined) {
  const std::string steps =
      R"({"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"String":"b"},"behavior":"Removed"},)"
      R"({"type":"Digits","individual_digits":true},{"type":"ByteLevel","add_prefix_space":true,"use_regex":false}]})";
  EXPECT_EQ(encode({{"pre_tokenizer", steps}}, "ab1"), (Ids{4, 0, 4, 3}));
}

TEST(TokenizerJson, AddedTokensMayBeNormalised) {
  const std::string added = R"([{"id":7,"content":"e\u0301","normalized":true}])";
  const Tokenizer tokenizer = tokenizer_with({{"added_tokens", added}, {"normalizer", R"({"type":"NFC"})"}});
  EXPECT_EQ(tokenizer.encode("aé"), (Ids{0, 7}));
  EXPECT_EQ(tokenizer.encode("ae\u0301"), (Ids{0, 7}));
  EXPECT_EQ(tokenizer.decode(Ids{7}, /*skip_special=*/true), "e\u0301");
}

TEST(TokenizerJson, IdsMayHaveHoles) {
  const Tokenizer tokenizer = tokenizer_with({{"added_tokens", R"([{"id":20,"content":"<s>"}])"}});
  EXPECT_EQ(tokenizer.size(), 21u);
  EXPECT_EQ(tokenizer.token_bytes(10), "");
  EXPECT_EQ(tokenizer.decode(Ids{0, 10, 20}, /*skip_special=*/true), "a<s>");
}

TEST(TokenizerJson, TextThatLooksSpecialNeverBecomesSpecial) {
  const std::string vocab = R"({"vocab":{"a":0,"<":1,"s":2,">":3,"<s>":7},"merges":[],"ignore_merges":true})";
  const std::string steps = R"({"type":"ByteLevel","add_prefix_space":false,"use_regex":false})";
  const Tokenizer tokenizer = tokenizer_with({{"model", vocab}, {"pre_tokenizer", steps}});
  EXPECT_EQ(tokenizer.encode("<s>"), (Ids{7}));
  EXPECT_EQ(tokenizer.encode("<s>", {.parse_special_tokens = false}), (Ids{1, 2, 3}));
}

TEST(TokenizerJson, TypesThatAreNotSupportedAreNamed) {
  expect_refused("model", R"({"type":"Unigram","vocab":[]})", {"model", "'Unigram'", "BPE"});
  expect_refused("normalizer", R"({"type":"NFKC"})", {"normalizer", "'NFKC'"});
  expect_refused("normalizer", R"({"type":"Sequence","normalizers":[{"type":"Prepend"}]})",
                 {"normalizers[0]", "'Prepend'"});
  expect_refused("pre_tokenizer", R"({"type":"Metaspace"})", {"pre_tokenizer", "'Metaspace'"});
  expect_refused("post_processor", R"({"type":"BertProcessing"})", {"post_processor", "'BertProcessing'"});
  expect_refused("decoder", R"({"type":"WordPiece"})", {"decoder", "'WordPiece'"});
  expect_refused("decoder", "null", {"decoder", "'null'", "ByteLevel"});
}

TEST(TokenizerJson, WhatIsNotByteLevelIsRefused) {
  const std::string split = R"({"type":"Split","pattern":{"Regex":"a"},"behavior":"Isolated"})";
  expect_refused("pre_tokenizer", "null", {"pre_tokenizer", "'null'"});
  expect_refused("pre_tokenizer", split, {"byte-level"});
  expect_refused("pre_tokenizer",
                 R"({"type":"Sequence","pretokenizers":[{"type":"ByteLevel","add_prefix_space":true},)" + split + "]}",
                 {"pretokenizers[1]", "after ByteLevel"});
}

TEST(TokenizerJson, WrongPatternsAreNamed) {
  const auto split = [](const std::string& pattern, const std::string& behavior) {
    return R"({"type":"Split","pattern":)" + pattern + R"(,"behavior":")" + behavior + "\"}";
  };
  expect_refused("pre_tokenizer", split(R"({"Regex":"("})", "Isolated"),
                 {"pre_tokenizer.pattern.Regex", "cannot be used"});
  expect_refused("pre_tokenizer", split(R"({"Regex":"\\bx"})", "Isolated"), {"'\\b'", "not supported"});
  expect_refused("pre_tokenizer", split("{}", "Isolated"), {"either Regex or String"});
  expect_refused("pre_tokenizer", split(R"({"Regex":"a"})", "Joined"), {"'Joined'", "Contiguous"});
}

TEST(TokenizerJson, WrongModelsAreNamed) {
  expect_refused("model", model(R"("dropout":0.1,)"), {"model.dropout"});
  expect_refused("model", model(R"("byte_fallback":true,)"), {"model.byte_fallback"});
  expect_refused("model", model(R"("end_of_word_suffix":"</w>",)"), {"model.end_of_word_suffix", "'</w>'"});
  expect_refused("model", model(R"("unk_token":"?",)"), {"model.unk_token", "'?'"});
  expect_refused("model", model("", R"(["a b","a x"])"), {"model.merges[1]", "'ax'"});
  expect_refused("model", model("", R"(["a b c"])"), {"model.merges[0]", "one space"});
  expect_refused("model", model("", R"([["a"]])"), {"model.merges[0]", "two tokens"});
  expect_refused("model", model("", R"([["a",1]])"), {"model.merges[0][1]", "a string"});
  expect_refused("model", R"({"vocab":{"a":0,"b":0},"merges":[]})", {"model.vocab['b']", "two tokens"});
  for (const char* id : {"-1", "1.0", "\"1\"", "4194304", "18446744073709551616", "null"}) {
    expect_refused("model", std::string(R"({"vocab":{"a":)") + id + R"(},"merges":[]})", {"not a token id"});
  }
  expect_refused("model", R"({"merges":[]})", {"model.vocab", "missing"});
  expect_refused("model", "[]", {"model", "an object"});
}

TEST(TokenizerJson, WrongAddedTokensAreNamed) {
  expect_refused("added_tokens", R"([{"id":3,"content":"<s>"}])", {"added_tokens[0].id", "two tokens have the id 3"});
  expect_refused("added_tokens", R"([{"id":9,"content":"a"}])", {"added_tokens[0]", "another id"});
  expect_refused("added_tokens", R"([{"id":9,"content":""}])", {"without text"});
  expect_refused("added_tokens", R"([{"id":9}])", {"added_tokens[0].content", "missing"});
  expect_refused("added_tokens", R"([{"id":9,"content":"x","lstrip":1}])", {"lstrip", "true or false"});
  expect_refused("added_tokens", R"({})", {"an array"});
}

TEST(TokenizerJson, WrongTemplatesAreNamed) {
  const auto post = [](const std::string& single, const std::string& ids) {
    return R"({"type":"TemplateProcessing","single":[)" + single + R"(],"special_tokens":{"S":{"ids":[)" + ids + "]}}}";
  };
  const std::string text = R"({"Sequence":{"id":"A"}})", special = R"({"SpecialToken":{"id":"S"}})";
  expect_refused("post_processor", post(special, "7"), {"no Sequence"});
  expect_refused("post_processor", post(text + "," + text, "7"), {"single[1]", "one Sequence"});
  expect_refused("post_processor", post(R"({"Sequence":{"id":"B"}})", "7"), {"single[0]"});
  expect_refused("post_processor", post(R"({"SpecialToken":{"id":"T"}},)" + text, "7"),
                 {"special_tokens.T", "missing"});
  expect_refused("post_processor", post(special + "," + text, "8"), {"no token has", "8"});
  const std::string one = post(special + "," + text, "7");
  expect_refused("post_processor", R"({"type":"Sequence","processors":[)" + one + "," + one + "]}", {"second"});
}

TEST(TokenizerJson, WhatIsNotJsonIsNamed) {
  const TestFolder folder;
  for (const char* text : {"", "{", "nonsense"}) {
    const auto path = folder.write("tokenizer.json", text);
    EXPECT_NE(error_of([&] { Tokenizer{path}; }).find("is not JSON"), std::string::npos);
  }
  const auto path = folder.write("tokenizer.json", "[]");
  EXPECT_NE(error_of([&] { Tokenizer{path}; }).find("an object"), std::string::npos);
}

// As for safetensors: a tokenizer or an Error, and then ids or an Error.
TEST(TokenizerJson, ADamagedFileIsReadOrRefused) {
  const TestFolder folder;
  const std::string steps =
      R"x({"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"\\s+|[^\\s]{1,3}(?=a)"},)x"
      R"x("behavior":"MergedWithNext"},{"type":"ByteLevel","add_prefix_space":true,"use_regex":false}]})x";
  const std::string whole = file_with({{"pre_tokenizer", steps}});
  EXPECT_EQ(tokenizer_with({{"pre_tokenizer", steps}}).encode("abc<s>"), (Ids{4, 6, 7}));
  Rng rng(2);
  for (int i = 0; i < 2000; ++i) {
    std::string damaged = whole;
    for (int edit = rng.between(1, 3); edit > 0; --edit) {
      const size_t at = rng.below(damaged.size());
      if (rng.below(4) == 0) {
        damaged.erase(at, rng.below(9));
      } else {
        damaged[at] = rng.below(2) ? "{}[]\":,0129-ab(*+\\"[rng.below(18)] : char(rng.below(256));
      }
    }
    const auto path = folder.write("tokenizer.json", damaged);
    error_of([&] { Tokenizer(path).encode("abc a1 \u00e9<s>"); });
  }
}

}  // namespace
}  // namespace starnest
