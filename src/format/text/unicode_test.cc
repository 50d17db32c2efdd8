#include "format/text/unicode.h"

#include <gtest/gtest.h>

#include "base/utf8.h"

namespace starnest {
namespace {

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
