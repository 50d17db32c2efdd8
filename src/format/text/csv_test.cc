#include "format/text/csv.h"

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace starnest {
namespace {

using Records = std::vector<std::vector<std::string>>;

std::vector<TableRow> rows_of(const std::string& text, TableFormat format) {
  return read_table(LineReader::of_text(text, "t.csv"), format);
}
Records fields_of(const std::string& text, TableFormat format = kCsv) {
  Records records;
  for (const TableRow& row : rows_of(text, format)) records.push_back(row.fields);
  return records;
}

TEST(Csv, FieldsMayBeEmptyOrQuoted) {
  EXPECT_EQ(fields_of("a,b\n1,\n"), (Records{{"a", "b"}, {"1", ""}}));
  EXPECT_EQ(fields_of("\"x, y\",\"say \"\"hi\"\"\"\r\n\"two\nlines\","),
            (Records{{"x, y", "say \"hi\""}, {"two\nlines", ""}}));
  EXPECT_EQ(fields_of("\n\na\n\n"), (Records{{"a"}}));
  EXPECT_EQ(fields_of("\"\"\n"), (Records{{""}}));
  EXPECT_EQ(fields_of(""), Records{});
  EXPECT_EQ(fields_of(","), (Records{{"", ""}}));
  EXPECT_EQ(fields_of("5\" pipe,b"), (Records{{"5\" pipe", "b"}}));  // a mark inside a bare field is text
  EXPECT_EQ(fields_of("\xef\xbb\xbf\"a\",b"), (Records{{"a", "b"}}));
  EXPECT_EQ(fields_of("\"a\n\n\nb\""), (Records{{"a\n\n\nb"}}));
}

TEST(Csv, ValuesBetweenTabsHaveNoQuotes) {
  EXPECT_EQ(fields_of("a\tb\r\n\"x\" y\t\n\tz", kTsv), (Records{{"a", "b"}, {"\"x\" y", ""}, {"", "z"}}));
}

TEST(Csv, ARowKnowsItsLine) {
  const std::vector<TableRow> rows = rows_of("a,b\n\n\"two\nlines\",c\nd,e\n", kCsv);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[1].line, 3u);
  EXPECT_EQ(rows[2].line, 5u);
}

TEST(Csv, BrokenRowsNameTheirLine) {
  const auto expect = [](const char* text, const char* part) {
    const std::string message = error_of([&] { rows_of(text, kCsv); });
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  expect("a\n\"b\nc", "t.csv:2: a quotation mark is not closed");
  expect("\"b\"c", "t.csv:1: text follows");
  expect("a,b\n\"c\nd\",e\nf,g,h\n", "t.csv:4: has another number of fields than the first row; expected 2, got 3");
  expect("a,b\nc", "t.csv:2: has another number of fields than the first row; expected 2, got 1");
}

}  // namespace
}  // namespace starnest
