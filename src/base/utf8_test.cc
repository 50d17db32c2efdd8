#include "base/utf8.h"

#include <gtest/gtest.h>

#include "base/text.h"

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

}  // namespace
}  // namespace starnest
