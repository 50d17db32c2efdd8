#include "base/file.h"

#include <utility>

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace starnest {
namespace {

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(File, MappedFileShowsTheBytesAndMoves) {
  const TestFolder folder;
  MappedFile first(folder.write("f", "bytes"));
  const std::byte* data = first.bytes().data();
  const MappedFile second(std::move(first));
  EXPECT_EQ(as_text(second.bytes()), "bytes");
  EXPECT_EQ(second.bytes().data(), data);
  EXPECT_EQ(second.path().filename(), "f");
}

TEST(File, MappedFileOfAnEmptyFileIsEmpty) {
  const TestFolder folder;
  EXPECT_TRUE(MappedFile(folder.write("f", "")).bytes().empty());
}

TEST(File, AMissingFileIsNamed) {
  const TestFolder folder;
  EXPECT_NE(error_of([&] { MappedFile(folder / "none"); }).find("none: cannot open"), std::string::npos);
  EXPECT_NE(error_of([&] { read_text(folder / "none"); }).find("none: cannot open"), std::string::npos);
}

TEST(File, AFolderIsNotAFile) {
  const TestFolder folder;
  EXPECT_NE(error_of([&] { MappedFile(folder.path()); }).find("not a regular file"), std::string::npos);
}

TEST(File, ReadTextRefusesMoreThanItsLimit) {
  const TestFolder folder;
  const auto path = folder.write("f", "12345");
  EXPECT_EQ(read_text(path, 5), "12345");
  EXPECT_NE(error_of([&] { read_text(path, 4); }).find("too long"), std::string::npos);
}

}  // namespace
}  // namespace starnest
