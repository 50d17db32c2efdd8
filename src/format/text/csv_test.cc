#include "format/text/csv.h"

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace starnest {
namespace {

using Records = std::vector<std::vector<std::string>>;

TEST(Csv, FieldsMayBeEmptyOrQuoted) {
  EXPECT_EQ(parse_csv("a,b\n1,\n", "t"), (Records{{"a", "b"}, {"1", ""}}));
  EXPECT_EQ(parse_csv("\"x, y\",\"say \"\"hi\"\"\"\r\n\"two\nlines\",", "t"),
            (Records{{"x, y", "say \"hi\""}, {"two\nlines", ""}}));
  EXPECT_EQ(parse_csv("\n\na\n\n", "t"), (Records{{"a"}}));
  EXPECT_EQ(parse_csv("\"\"\n", "t"), (Records{{""}}));
  EXPECT_EQ(parse_csv("", "t"), Records{});
  EXPECT_EQ(parse_csv("5\" pipe,b", "t"), (Records{{"5\" pipe", "b"}}));  // a mark inside a bare field is text
}

TEST(Csv, BrokenQuotesNameTheirLine) {
  EXPECT_NE(error_of([] { parse_csv("a\n\"b\nc", "t.csv"); }).find("t.csv:2: a quotation mark is not closed"),
            std::string::npos);
  EXPECT_NE(error_of([] { parse_csv("\"b\"c", "t.csv"); }).find("t.csv:1: text follows"), std::string::npos);
}

}  // namespace
}  // namespace starnest
