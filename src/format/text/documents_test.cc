#include "format/text/documents.h"

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace starnest {
namespace {

// The letters a to d, one token each, and an end token.
const Tokenizer& letters() {
  static const Tokenizer tokenizer = Tokenizer::parse(R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "c": 2,
    "d": 3, "Ċ": 4}, "merges": []}, "added_tokens": [{"id": 5, "content": "<end>", "special": true}],
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false},
    "decoder": {"type": "ByteLevel"}})",
                                                      "letters");
  return tokenizer;
}

struct Result {
  std::vector<TokenDocument> documents;
  std::vector<std::string> notes;
  DocumentCounts counts;
};

Result read(const std::string& name, const std::string& text, const DocumentSettings& settings) {
  const TestFolder folder;
  Result result;
  result.counts = read_documents(
      folder.write(name, text), letters(), settings, [&](const std::string& note) { result.notes.push_back(note); },
      [&](const TokenDocument& document) { result.documents.push_back(document); });
  return result;
}

using Ids = std::vector<TokenId>;

TEST(Documents, PlainTextIsCutAtTheEndMark) {
  const Result result = read("a.txt", "ab\ncd\n<|endoftext|>\n<|endoftext|>\na\n", {.end = 5});
  ASSERT_EQ(result.documents.size(), 2u);
  EXPECT_EQ(result.documents[0].ids, (Ids{0, 1, 4, 2, 3, 5}));
  EXPECT_EQ(result.documents[1].ids, (Ids{0, 5}));
  EXPECT_EQ(result.documents[1].completion_start, 0u);
  EXPECT_EQ(result.counts.tokens, 8u);
}

TEST(Documents, ALineOfJsonIsTextOrPromptAndCompletion) {
  const Result result = read("a.jsonl", R"({"text": "ab", "source": "web"}
{"prompt": "abc", "completion": "d"}
)",
                             {});
  ASSERT_EQ(result.documents.size(), 2u);
  EXPECT_EQ(result.documents[0].ids, (Ids{0, 1}));
  EXPECT_EQ(result.documents[1].ids, (Ids{0, 1, 2, 3}));
  EXPECT_EQ(result.documents[1].completion_start, 3u);
}

TEST(Documents, BadOnesAreNamedAndCountedUpToTheLimit) {
  const std::string text =
      "{\"text\": \"ab\"}\n"
      "{\"text\": 3}\n"
      "nonsense\n"
      "{\"prompt\": \"a\"}\n"
      "{\"text\": \"axe\"}\n"
      "{\"prompt\": \"a\", \"completion\": \"\"}\n"
      "{\"text\": \"cd\"}\n"
      "{\"text\": \"a";
  const Result result = read("a.jsonl", text, {.most_bad = 6});
  EXPECT_EQ(result.counts.documents, 2u);
  EXPECT_EQ(result.counts.bad, 6u);
  ASSERT_EQ(result.notes.size(), 6u);
  for (size_t i = 0; i < 5; ++i)
    EXPECT_NE(result.notes[i].find("a.jsonl:" + std::to_string(i + 2)), std::string::npos) << result.notes[i];
  EXPECT_NE(result.notes[3].find("'x'"), std::string::npos) << result.notes[3];
  EXPECT_NE(result.notes[5].find("cut off"), std::string::npos) << result.notes[5];

  const std::string refused = error_of([&] { read("a.jsonl", text, {.most_bad = 5}); });
  EXPECT_NE(refused.find("at most 5"), std::string::npos) << refused;
  EXPECT_NE(refused.find("cut off"), std::string::npos) << refused;
}

TEST(Documents, AFileWithoutDocumentsIsAnError) {
  EXPECT_NE(error_of([] { read("a.txt", "", {}); }).find("holds no document"), std::string::npos);
  EXPECT_NE(error_of([] { read("a.jsonl", "\n\n", {}); }).find("holds no document"), std::string::npos);
}

}  // namespace
}  // namespace starnest
