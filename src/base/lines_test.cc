#include "base/lines.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/test_support.h"

namespace starnest {
namespace {

using Lines = std::vector<std::string>;

Lines lines_of(LineReader reader) {
  Lines lines;
  while (auto line = reader.next()) lines.push_back(*std::move(line));
  return lines;
}
Lines lines_of(const std::string& text) { return lines_of(LineReader::of_text(text, "text")); }

TEST(Lines, EndsOfEverySystemAreNoText) {
  EXPECT_EQ(lines_of("a\nb\n"), (Lines{"a", "b"}));
  EXPECT_EQ(lines_of("a\r\nb\r\n"), (Lines{"a", "b"}));
  EXPECT_EQ(lines_of("a\r\n\r\nb"), (Lines{"a", "", "b"}));
  EXPECT_EQ(lines_of("a\rb\n\n"), (Lines{"a\rb", ""}));  // a carriage return alone is text
  EXPECT_EQ(lines_of(""), Lines{});
  EXPECT_EQ(lines_of("\n"), Lines{""});
}

TEST(Lines, AByteOrderMarkIsNoText) {
  EXPECT_EQ(lines_of("\xef\xbb\xbf"
                     "a\n\xef\xbb\xbf"
                     "b\n"),
            (Lines{"a",
                   "\xef\xbb\xbf"
                   "b"}));
  EXPECT_EQ(lines_of("\xef\xbb\xbf"), Lines{});
  EXPECT_EQ(lines_of("\xef\xbb"), Lines{"\xef\xbb"});
  for (const char* mark : {"\xff\xfe", "\xfe\xff"})
    EXPECT_NE(error_of([&] { lines_of(mark); }).find("text: is text in UTF-16; expected UTF-8"), std::string::npos);
}

TEST(Lines, TheLastLineIsKnown) {
  LineReader reader = LineReader::of_text("a\nb", "file");
  EXPECT_EQ(reader.peek(), "a");
  EXPECT_EQ(reader.next(), "a");
  EXPECT_TRUE(reader.ended());
  EXPECT_EQ(reader.where(), "file:1");
  EXPECT_EQ(reader.peek(), "b");
  EXPECT_EQ(reader.next(), "b");
  EXPECT_FALSE(reader.ended());
  EXPECT_EQ(reader.number(), 2u);
  EXPECT_FALSE(reader.peek());
  EXPECT_FALSE(reader.next());
  EXPECT_EQ(read_lines(LineReader::of_text("a\r\nb\r\n", "file")), "a\nb\n");
  EXPECT_EQ(read_lines(LineReader::of_text("a\r\nb", "file")), "a\nb");
  EXPECT_NE(error_of([] { read_lines(LineReader::of_text("abc\n", "file"), 3); }).find("file: is too long"),
            std::string::npos);
}

// In parts of 64 KiB, of which lines and line ends know nothing.
TEST(Lines, FilesAndPipesAreReadAlike) {
  std::string text = "\xef\xbb\xbf";
  Lines expected;
  for (const size_t length : {70'000, 1, 65'535, 65'536, 0, 200'000, 3}) {
    expected.emplace_back(length, char('a' + expected.size()));
    text += expected.back() + "\r\n";
  }
  const TestFolder folder;
  EXPECT_EQ(lines_of(LineReader(folder.write("file", text))), expected);
  const auto pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::thread writer([&] { std::ofstream(pipe, std::ios::binary) << text; });
  EXPECT_EQ(lines_of(LineReader(pipe)), expected);
  writer.join();
}

TEST(Lines, WhatCannotBeReadIsNamed) {
  const TestFolder folder;
  EXPECT_NE(error_of([&] { LineReader(folder / "none"); }).find("none: cannot open"), std::string::npos);
  EXPECT_NE(error_of([&] { lines_of(LineReader(folder.path())); }).find("cannot be read"), std::string::npos);
}

}  // namespace
}  // namespace starnest
