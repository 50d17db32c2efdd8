#include "format/text/utf8.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "format/text/byte_alphabet.h"
#include "format/text/unicode.h"

namespace starnest {
namespace {

std::string lossy(std::string_view bytes) {
  std::string out;
  EXPECT_EQ(append_lossy(out, bytes, /*is_end=*/true), bytes.size());
  return out;
}

TEST(Utf8, CodePointsReadBackAcrossEveryLength) {
  for (const char32_t c : {0x00, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff}) {
    std::string text;
    append_utf8(text, c);
    EXPECT_EQ(valid_utf8_prefix(text), text.size());
    EXPECT_EQ(utf8_step(text, 0).kind, Utf8::valid);
    EXPECT_EQ(utf8_step(text, 0).length, text.size());
    EXPECT_EQ(code_point_at(text, 0), c);
  }
}

// Expected values: Python's bytes.decode("utf-8", "replace"), which agrees with Rust's from_utf8_lossy.
TEST(Utf8, EachLongestInvalidPartBecomesOneReplacement) {
  const std::string r = "\xef\xbf\xbd";
  EXPECT_EQ(lossy("abc é"), "abc é");
  EXPECT_EQ(lossy("\x80\x80"), r + r);
  EXPECT_EQ(lossy("a\xe4\xb8z"), "a" + r + "z");
  EXPECT_EQ(lossy("\xf0\x9f\x98"), r);
  EXPECT_EQ(lossy("\xf0\x9f\x98\xf0\x9f\x98\x80"), r + "😀");
  EXPECT_EQ(lossy("\xed\xa0\x80"), r + r + r);
  EXPECT_EQ(lossy("\xc0\xaf"), r + r);
}

TEST(Utf8, AnUnfinishedCharacterIsHeldBackUnlessTheTextEnds) {
  std::string out;
  EXPECT_EQ(append_lossy(out, "a\xe4\xb8", /*is_end=*/false), 1u);
  EXPECT_EQ(out, "a");
}

TEST(Utf8, CharactersAreDescribedForMessages) {
  EXPECT_EQ(describe_char(U'é'), "'é' (U+00E9)");
  EXPECT_EQ(describe_char(U'\n'), "U+000A");
  EXPECT_EQ(describe_char(char32_t(0x85)), "U+0085");
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

TEST(Unicode, NfcComposesAndReorders) {
  EXPECT_EQ(to_nfc("e\u0301"), "é");
  EXPECT_EQ(to_nfc("\u1e9b\u0323"), "\u1e9b\u0323");
  EXPECT_EQ(to_nfc("a\u0301\u0323"), "\u1ea1\u0301");
  EXPECT_EQ(to_nfc("\u212b"), "\u00c5");
  EXPECT_EQ(to_nfc("\u1112\u1161\u11ab"), "한");
  EXPECT_EQ(to_nfc(std::string_view("a\0b", 3)), std::string("a\0b", 3));
}

TEST(Unicode, TheQuickLookAtNfcIsNeverWrong) {
  EXPECT_FALSE(is_surely_nfc("e\u0301"));
  for (char32_t c = 1; c < 0x300; ++c) {
    std::string text = "e";
    append_utf8(text, c);
    EXPECT_TRUE(is_surely_nfc(text));
    EXPECT_EQ(to_nfc(text), text);
  }
}

TEST(Unicode, WhiteSpaceIsThePropertyOfThatName) {
  for (const char32_t c : {0x20, 0x0a, 0x85, 0xa0, 0x2003, 0x3000}) EXPECT_TRUE(is_white_space(c));
  for (const char32_t c : {0x180e, 0x200b, 0x1c, 0x41}) EXPECT_FALSE(is_white_space(c));
}

}  // namespace
}  // namespace starnest
