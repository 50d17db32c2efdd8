#include "format/weights/fingerprint.h"

#include <unistd.h>

#include <algorithm>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/test_support.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

TEST(Fingerprint, IsOfTheContentNotOfTheName) {
  const TestFolder folder;
  folder.write("a", "text");
  folder.write("b", "text");
  folder.write("c", "tex");
  EXPECT_EQ(fingerprint(folder / "a"), fingerprint(folder / "b"));
  EXPECT_NE(fingerprint(folder / "a"), fingerprint(folder / "c"));
  EXPECT_NE(fingerprint({folder / "a", folder / "c"}), fingerprint({folder / "c", folder / "a"}));
}

TEST(Fingerprint, OfALargeFileTakesSamplesEverywhere) {
  const TestFolder folder;
  const fs::path file = folder.write("f", "");
  constexpr off_t kMiB = 1 << 20, kSize = 300 * kMiB + 100;
  ASSERT_EQ(::truncate(file.c_str(), kSize), 0);  // takes no room
  const std::string zeros = fingerprint(file);
  const auto with_byte_at = [&](off_t offset) {
    std::fstream(file, std::ios::in | std::ios::out | std::ios::binary).seekp(offset).put('x');
    const std::string changed = fingerprint(file);
    std::fstream(file, std::ios::in | std::ios::out | std::ios::binary).seekp(offset).put('\0');
    return changed;
  };
  for (const off_t offset : {off_t{7}, kMiB - 1, 200 * kMiB + 5, kSize - 1})
    EXPECT_NE(with_byte_at(offset), zeros) << offset;
  EXPECT_EQ(fingerprint(file), zeros);
  ASSERT_EQ(::truncate(file.c_str(), kSize + 1), 0);
  EXPECT_NE(fingerprint(file), zeros);
}

TEST(Fingerprint, APipeIsNotRead) {
  const TestFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(fingerprint(folder / "pipe"), "unknown");
}

TEST(ModelFiles, AreThoseThatAreReadAlsoWhereTheyAreMissing) {
  const TestFolder folder;
  folder.write("extra.safetensors", "");
  folder.write("eval.json", "");
  const auto files = model_files(folder.path());
  const auto has = [&](const char* name) { return std::count(files.begin(), files.end(), folder / name) == 1; };
  EXPECT_TRUE(has("config.json") && has("elastic.json") && has("tokenizer.json") && has("extra.safetensors"));
  EXPECT_FALSE(has("eval.json"));
}

}  // namespace
}  // namespace starnest
