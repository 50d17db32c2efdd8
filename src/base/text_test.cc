#include "base/text.h"

#include <gtest/gtest.h>

#include "starnest/error.h"

namespace starnest {
namespace {

const std::vector<std::string> kKeys{"hidden_size", "intermediate_size", "num_layers"};

TEST(Text, SuggestNamesTheNearestKnownWord) {
  EXPECT_NE(suggest("hiden_size", kKeys).find("'hidden_size'"), std::string::npos);
  EXPECT_NE(suggest("num_layer", kKeys).find("'num_layers'"), std::string::npos);
}

TEST(Text, SuggestListsWhatIsKnownWhenNothingIsNear) {
  const std::string hint = suggest("zzz", kKeys);
  EXPECT_EQ(hint.find('\''), std::string::npos);
  for (const std::string& key : kKeys) EXPECT_NE(hint.find(key), std::string::npos);
}

TEST(Text, SuggestPrefersTheSmallerEditDistance) {
  const std::vector<std::string> known{"abcd", "abcx"};
  EXPECT_NE(suggest("abcy", known).find("'abc"), std::string::npos);
  EXPECT_NE(suggest("abx", known).find("'abcx'"), std::string::npos);
}

TEST(Text, NumbersAreReadable) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(31577940288), "31,577,940,288");
  EXPECT_EQ(bytes_text(512), "512 B");
  EXPECT_EQ(bytes_text(1536), "1.50 KiB");
  EXPECT_EQ(bytes_text(uint64_t{3} << 30), "3.00 GiB");
}

TEST(Text, WhatATerminalWouldObeyIsWrittenOut) {
  EXPECT_EQ(visible("plain \xc3\xa9\xe2\x82\xac"), "plain \xc3\xa9\xe2\x82\xac");
  EXPECT_EQ(visible("\033[2J\a\x7f"), "\\x1b[2J\\x07\\x7f");
  EXPECT_EQ(visible("a\nb\tc\rd"), "a\\nb\\tc\\rd");
  EXPECT_EQ(visible("a\nb\033", "\n"), "a\nb\\x1b");
  EXPECT_EQ(visible("\xc2\x9b"
                    "31m"),
            "\\x9b31m");                                                        // the one-character form of ESC [
  EXPECT_EQ(visible("\x9b\xff\xc3(ok\xc3\xa9"), "\\x9b\\xff\\xc3(ok\xc3\xa9");  // not UTF-8
  EXPECT_EQ(visible(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(in_quotes("x\033"), "'x\\x1b'");
}

TEST(Text, JoinPutsTheSeparatorBetween) {
  EXPECT_EQ(join({}, ", "), "");
  EXPECT_EQ(join(std::vector<std::string>{"a"}, ", "), "a");
  EXPECT_EQ(join(std::vector<std::string>{"a", "b", "c"}, ", "), "a, b, c");
}

TEST(Split, KeepsEmptyParts) {
  EXPECT_EQ(split("", ','), (std::vector<std::string>{""}));
  EXPECT_EQ(split("a,,b,", ','), (std::vector<std::string>{"a", "", "b", ""}));
}

TEST(WholeNumber, IsAllOfTheTextOrNothing) {
  EXPECT_EQ(whole_number<int>("-12"), -12);
  EXPECT_EQ(whole_number<int64_t>("9000000000"), 9'000'000'000);
  for (const char* text : {"", "1x", " 1", "+1", "1.5", "9000000000"}) EXPECT_FALSE(whole_number<int>(text)) << text;
}

TEST(Text, ValidUtf8IsValidToItsEnd) {
  for (const char* text : {"", "abc", "é", "中文", "😀", "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_EQ(valid_utf8_prefix(text), std::string_view(text).size());
  }
  EXPECT_EQ(valid_utf8_prefix(std::string_view("a\0b", 3)), 3u);
}

TEST(Text, InvalidUtf8IsFoundWhereItBegins) {
  EXPECT_EQ(valid_utf8_prefix("ab\x80"), 2u);            // a continuation alone
  EXPECT_EQ(valid_utf8_prefix("ab\xc3"), 2u);            // cut off
  EXPECT_EQ(valid_utf8_prefix("a\xe4\xb8"), 1u);         // cut off
  EXPECT_EQ(valid_utf8_prefix("\xc0\xaf"), 0u);          // overlong
  EXPECT_EQ(valid_utf8_prefix("\xe0\x80\xaf"), 0u);      // overlong
  EXPECT_EQ(valid_utf8_prefix("x\xed\xa0\x80"), 1u);     // surrogate
  EXPECT_EQ(valid_utf8_prefix("\xf4\x90\x80\x80"), 0u);  // above U+10FFFF
  EXPECT_EQ(valid_utf8_prefix("\xff"), 0u);
}

TEST(Error, ShowsAllItsPartsAsOneSentence) {
  const Error error({.where = "a.json: 'x'", .what = "wrong value", .expected = "1", .got = "2", .hint = "Do this"});
  EXPECT_STREQ(error.what(), "a.json: 'x': wrong value; expected 1, got 2. Do this.");
  EXPECT_EQ(error.parts().expected, "1");
}

TEST(Error, LeavesOutThePartsThatAreEmpty) {
  EXPECT_STREQ(Error("file", "cannot open").what(), "file: cannot open.");
  EXPECT_STREQ(Error({.where = {}, .what = "bad", .got = "2"}).what(), "bad; got 2.");
  EXPECT_STREQ(Error({.where = {}, .what = "bad", .expected = "1"}).what(), "bad; expected 1.");
}

}  // namespace
}  // namespace starnest
