#include "format/text/documents.h"

#include <thread>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/test_support.h"

namespace starnest {
namespace {

// The letters a to d, one token each, and an end token.
const Tokenizer& letter_tokenizer() {
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
      folder.write(name, text), letter_tokenizer(), settings,
      [&](const std::string& note) { result.notes.push_back(note); },
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
  const Result result = read("a.jsonl", text, {.most_bad = 5});
  EXPECT_EQ(result.counts.documents, 2u);
  EXPECT_EQ(result.counts.bad, 5u);
  EXPECT_EQ(result.counts.empty, 1u);  // an empty completion
  ASSERT_EQ(result.notes.size(), 5u);
  for (size_t i = 0; i < 4; ++i)
    EXPECT_NE(result.notes[i].find("a.jsonl:" + std::to_string(i + 2)), std::string::npos) << result.notes[i];
  EXPECT_NE(result.notes[3].find("'x'"), std::string::npos) << result.notes[3];
  EXPECT_NE(result.notes[4].find("cut off"), std::string::npos) << result.notes[4];

  const std::string refused = error_of([&] { read("a.jsonl", text, {.most_bad = 4}); });
  EXPECT_NE(refused.find("at most 4"), std::string::npos) << refused;
  EXPECT_NE(refused.find("cut off"), std::string::npos) << refused;
}

std::vector<Ids> ids_of(const std::string& name, const std::string& text) {
  std::vector<Ids> ids;
  for (const TokenDocument& document : read(name, text, {}).documents) ids.push_back(document.ids);
  return ids;
}

TEST(Documents, LineEndsAndMarksOfOtherSystemsAreNoText) {
  const std::vector<Ids> expected{{0, 1, 4, 2}, {3}};
  EXPECT_EQ(ids_of("a.txt", "ab\nc\n<|endoftext|>\nd\n"), expected);
  EXPECT_EQ(ids_of("a.txt",
                   "\xef\xbb\xbf"
                   "ab\r\nc\r\n<|endoftext|>\r\nd\r\n"),
            expected);
  EXPECT_EQ(ids_of("a.txt", "ab\nc\n<|endoftext|>\nd\n\n\n"), expected);
  EXPECT_EQ(ids_of("a.txt", "ab\nc\n<|endoftext|>\nd\n<|endoftext|>"), expected);
  EXPECT_EQ(ids_of("a.NDJSON", "\xef\xbb\xbf{\"text\": \"ab\\nc\"}\r\n{\"text\": \"d\"}\r\n"), expected);
  EXPECT_EQ(ids_of("a.Json", "[{\"text\": \"ab\\nc\"},\n {\"text\": \"d\", \"score\": NaN}]"), expected);
}

TEST(Documents, EmptyOnesAreLeftOutAndCounted) {
  const Result plain =
      read("a.txt", "a\n<|endoftext|>\n\n<|endoftext|>\n\n\n<|endoftext|>\nb\n<|endoftext|>\n\n", {.end = 5});
  EXPECT_EQ(plain.counts.documents, 2u);
  EXPECT_EQ(plain.counts.empty, 2u);
  EXPECT_EQ(plain.documents[1].ids, (Ids{1, 5}));
  const Result lines =
      read("a.jsonl", "{\"text\": \"\"}\n{\"text\": \"a\"}\n{\"prompt\": \"a\", \"completion\": \"\"}\n", {});
  EXPECT_EQ(lines.counts.documents, 1u);
  EXPECT_EQ(lines.counts.empty, 2u);
  EXPECT_TRUE(lines.notes.empty());
  EXPECT_EQ(empty_text(lines.counts), "2 empty documents are left out");
  EXPECT_EQ(empty_text({}), "");
}

// A pipe has no name that tells; JSON lines are not read as text there.
TEST(Documents, PipesAreReadByWhatTheyHold) {
  const TestFolder folder;
  const auto ids_through = [&](const char* name, const std::string& text) {
    std::filesystem::remove(folder / name);
    EXPECT_EQ(::mkfifo((folder / name).c_str(), 0600), 0);
    std::thread writer([&] { std::ofstream(folder / name, std::ios::binary) << text; });
    std::vector<Ids> ids;
    read_documents(folder / name, letter_tokenizer(), {}, {}, [&](const TokenDocument& d) { ids.push_back(d.ids); });
    writer.join();
    return ids;
  };
  EXPECT_EQ(ids_through("pipe", "ab\n<|endoftext|>\nc\n"), (std::vector<Ids>{{0, 1}, {2}}));
  EXPECT_EQ(ids_through("pipe", "{\"text\": \"ab\"}\n{\"text\": \"c\"}\n"), (std::vector<Ids>{{0, 1}, {2}}));
  EXPECT_EQ(ids_through("pipe", "[\n{\"text\": \"ab\"}\n]"), (std::vector<Ids>{{0, 1}}));
  EXPECT_EQ(ids_through("pipe.jsonl", "{\"text\": \"d\"}\n"), (std::vector<Ids>{{3}}));
}

TEST(Documents, WhatIsNoTextAtAllIsNotABadDocument) {
  const std::string message = error_of([] {
    read("a.txt",
         "\xff\xfe"
         "a",
         {.most_bad = 9});
  });
  EXPECT_NE(message.find("a.txt: is text in UTF-16"), std::string::npos) << message;
}

TEST(Documents, AFileWithoutDocumentsIsAnError) {
  EXPECT_NE(error_of([] { read("a.txt", "\n\n<|endoftext|>\n", {}); }).find("holds no document; got 1 empty ones"),
            std::string::npos);
  EXPECT_NE(error_of([] { read("a.txt", "", {}); }).find("holds no document"), std::string::npos);
  EXPECT_NE(error_of([] { read("a.jsonl", "\n\n", {}); }).find("holds no document"), std::string::npos);
}

}  // namespace
}  // namespace starnest
