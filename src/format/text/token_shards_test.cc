#include "format/text/token_shards.h"

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace starnest {
namespace {

using Ids = std::vector<TokenId>;

Ids ids_of(const TokenShard& shard, size_t sequence) {
  Ids ids(shard.length(sequence));
  shard.read(sequence, 0, ids);
  return ids;
}

class TokenShardsTest : public testing::TestWithParam<size_t> {};

TEST_P(TokenShardsTest, WhatWasWrittenIsRead) {
  const TestFolder folder;
  const size_t vocabulary = GetParam();
  const Ids last{0, TokenId(vocabulary - 1)};
  {
    TokenShardWriter writer(folder / "corpus", vocabulary);
    writer.add(Ids{1, 2, 3});
    writer.add(Ids{});
    writer.add(last);
    EXPECT_FALSE(is_token_shard(folder / "corpus"));
    writer.commit();
  }
  EXPECT_TRUE(is_token_shard(folder / "corpus"));
  const TokenShard shard(folder / "corpus");
  ASSERT_EQ(shard.sequences(), 3u);
  EXPECT_EQ(shard.tokens(), 5u);
  EXPECT_EQ(ids_of(shard, 0), (Ids{1, 2, 3}));
  EXPECT_EQ(ids_of(shard, 1), Ids{});
  EXPECT_EQ(ids_of(shard, 2), last);
  Ids part(2);
  shard.read(0, 1, part);
  EXPECT_EQ(part, (Ids{2, 3}));
}

INSTANTIATE_TEST_SUITE_P(Vocabularies, TokenShardsTest, testing::Values(64, 65'499, 65'500, 131'072));

// Byte for byte what Megatron-LM's IndexedDatasetBuilder writes for two documents of u16 ids.
TEST(TokenShards, ASecondWriterIsRefusedAndNothingStaysOfOneThatGivesUp) {
  const TestFolder folder;
  {
    TokenShardWriter writer(folder / "new/corpus", 100);
    writer.add(Ids{1, 2, 3});
    EXPECT_NE(
        error_of([&] { TokenShardWriter(folder / "new/corpus", 100); }).find("another process writes 'corpus.bin'"),
        std::string::npos);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(TokenShards, TheFilesAreThoseOfMegatron) {
  const TestFolder folder;
  TokenShardWriter writer(folder / "corpus", 1000);
  writer.add(Ids{258, 3});
  writer.add(Ids{4});
  writer.commit();
  EXPECT_EQ(read_text(folder / "corpus.bin"), std::string("\x02\x01\x03\x00\x04\x00", 6));
  const std::string index = read_text(folder / "corpus.idx");
  const std::string head("MMIDIDX\0\0\x01\0\0\0\0\0\0\0\x08\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0", 34);
  ASSERT_EQ(index.size(), head.size() + 2 * 4 + 2 * 8 + 3 * 8);
  EXPECT_EQ(index.substr(0, head.size()), head);
  EXPECT_EQ(index.substr(head.size(), 8), std::string("\x02\0\0\0\x01\0\0\0", 8));        // lengths
  EXPECT_EQ(index.substr(head.size() + 8 + 8, 8), std::string("\x04\0\0\0\0\0\0\0", 8));  // second offset
  EXPECT_EQ(index.substr(index.size() - 8, 8), std::string("\x02\0\0\0\0\0\0\0", 8));     // documents
}

TEST(TokenShards, BrokenFilesAreErrors) {
  const TestFolder folder;
  TokenShardWriter writer(folder / "corpus", 1000);
  writer.add(Ids{1, 2, 3, 4});
  writer.commit();
  const std::string index = read_text(folder / "corpus.idx");
  const auto error = [&](const std::string& idx, const std::string& bin) {
    folder.write("corpus.idx", idx);
    folder.write("corpus.bin", bin);
    return error_of([&] { TokenShard shard(folder / "corpus"); });
  };
  const std::string whole(8, '\0');
  EXPECT_EQ(error(index, whole), "no error");
  for (size_t cut = 0; cut < index.size(); ++cut) EXPECT_NE(error(index.substr(0, cut), whole), "no error") << cut;
  EXPECT_NE(error(index, whole.substr(2)).find("sequence outside"), std::string::npos);
  std::string other = index;
  other[17] = 6;
  EXPECT_NE(error(other, whole).find("type that holds no ids"), std::string::npos);
  other = index;
  other[9] = 2;
  EXPECT_NE(error(other, whole).find("another version"), std::string::npos);
  other = index;
  other[25] = '\x7f';  // of the number of sequences
  EXPECT_NE(error(other, whole).find("ends in the middle"), std::string::npos);
}

TEST(TokenShards, ANumberThatIsNoTokenIdIsAnError) {
  const TestFolder folder;
  TokenShardWriter writer(folder / "corpus", 100'000);
  writer.add(Ids{7});
  writer.commit();
  folder.write("corpus.bin", "\xff\xff\xff\xff");
  const TokenShard shard(folder / "corpus");
  EXPECT_NE(error_of([&] { ids_of(shard, 0); }).find("no token id; got -1"), std::string::npos)
      << error_of([&] { ids_of(shard, 0); });
}

}  // namespace
}  // namespace starnest
