#include "format/text/bpe.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace starnest {
namespace {

using Ids = std::vector<TokenId>;

Bpe letters() {
  Bpe bpe;
  for (char c = 'a'; c <= 'e'; ++c) bpe.set_byte(uint8_t(c), c - 'a');
  return bpe;
}

Ids encode(const Bpe& bpe, std::string_view text) {
  Bpe::Scratch scratch;
  Ids ids;
  EXPECT_EQ(bpe.encode(text, scratch, ids), std::nullopt);
  return ids;
}

TEST(Bpe, WithoutMergesEveryByteIsAToken) {
  EXPECT_EQ(encode(letters(), "abca"), (Ids{0, 1, 2, 0}));
  EXPECT_EQ(encode(letters(), ""), Ids{});
}

TEST(Bpe, TheLowestRankMergesFirstAndTheLeftmostOfEqualOnes) {
  Bpe bpe = letters();
  bpe.add_merge(1, 2, 10);   // b c
  bpe.add_merge(0, 1, 11);   // a b
  bpe.add_merge(0, 0, 12);   // a a
  bpe.add_merge(0, 10, 13);  // a bc
  EXPECT_EQ(encode(bpe, "abc"), (Ids{13}));
  EXPECT_EQ(encode(bpe, "abd"), (Ids{11, 3}));
  EXPECT_EQ(encode(bpe, "aaa"), (Ids{12, 0}));
  EXPECT_EQ(encode(bpe, "aaab"), (Ids{12, 11}));
}

TEST(Bpe, AByteWithoutTokenIsReportedWhereItStands) {
  Bpe::Scratch scratch;
  Ids ids{7};
  EXPECT_EQ(letters().encode("ab!c", scratch, ids), 2u);
  EXPECT_EQ(ids, Ids{7});
}

TEST(Bpe, TheUnknownTokenTakesThePlaceOfWhatHasNone) {
  Bpe bpe = letters();
  bpe.set_unknown(99, /*fuse=*/false);
  EXPECT_EQ(encode(bpe, "a!!b"), (Ids{0, 99, 99, 1}));
  bpe.set_unknown(99, /*fuse=*/true);
  EXPECT_EQ(encode(bpe, "a!!b!"), (Ids{0, 99, 1, 99}));
}

TEST(Bpe, ALongPieceIsNotQuadratic) {
  Bpe bpe = letters();
  bpe.add_merge(0, 0, 10);
  bpe.add_merge(10, 10, 11);
  EXPECT_EQ(encode(bpe, std::string(400'000, 'a')).size(), 100'000u);
}

TEST(ByteAlphabet, EveryByteHasOneLetterAndBack) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += char(byte);
  const std::string spelled = spell_bytes(all);
  EXPECT_EQ(valid_utf8_prefix(spelled), spelled.size());
  EXPECT_EQ(unspell_bytes(spelled), all);
}

TEST(ByteAlphabet, IsThatOfGpt2) {
  EXPECT_EQ(spell_bytes(" a\n!"), "ĠaĊ!");
  EXPECT_EQ(spell_bytes("\xad"), "\u0143");  // the last of the 68
  EXPECT_EQ(unspell_bytes("a b"), std::nullopt);
  EXPECT_EQ(unspell_bytes("\u0144"), std::nullopt);
  EXPECT_EQ(unspell_bytes("中"), std::nullopt);
}

}  // namespace
}  // namespace starnest
