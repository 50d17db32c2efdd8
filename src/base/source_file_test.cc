#include "base/source_file.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/lines.h"
#include "base/test_support.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

const std::string kPointer =
    "version https://git-lfs.github.com/spec/v1\noid "
    "sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
    "size 12345\n";

TEST(SourceFile, ALinkThatLeadsNowhereIsNamedWithItsTarget) {
  const TestFolder folder;
  fs::create_symlink("../blobs/0ff", folder / "tokenizer.json");
  fs::create_symlink("gone", folder / "model");
  const auto expect = [&](const std::string& message, const fs::path& link, const std::string& target) {
    EXPECT_NE(message.find(link.string() + ": is a link to nothing: it points to " + target), std::string::npos)
        << message;
  };
  const fs::path file = folder / "tokenizer.json", below = folder / "model/config.json";
  expect(error_of([&] { is_there(file); }), file, "../blobs/0ff");
  expect(error_of([&] { is_there(below); }), folder / "model", "gone");
  expect(error_of([&] { read_text(file); }), file, "../blobs/0ff");
  expect(error_of([&] { MappedFile{below}; }), folder / "model", "gone");
  expect(error_of([&] { LineReader{file}; }), file, "../blobs/0ff");
  EXPECT_FALSE(is_there(folder / "absent/config.json"));
  folder.write("here", "x");
  EXPECT_TRUE(is_there(folder / "here"));
  EXPECT_NE(error_of([&] { read_text(folder / "absent"); }).find("cannot open (No such file"), std::string::npos);
}

TEST(SourceFile, AnLfsPointerIsCalledThat) {
  const TestFolder folder;
  const fs::path file = folder.write("model.safetensors", kPointer);
  for (const std::string& message : {error_of([&] { read_text(file); }), error_of([&] { MappedFile{file}; }),
                                     error_of([&] { LineReader(file).next(); })})
    EXPECT_NE(message.find("is a Git LFS pointer"), std::string::npos) << message;
  folder.write("long.txt", kPointer + std::string(1024, 'x'));  // a text about such files
  EXPECT_EQ(read_text(folder / "long.txt").size(), kPointer.size() + 1024);
}

}  // namespace
}  // namespace starnest
