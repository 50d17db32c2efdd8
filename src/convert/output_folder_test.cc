#include "convert/output_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/test_support.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

TEST(OutputFolder, LeavesNothingWithoutCommit) {
  const TestFolder folder;
  {
    const OutputFolder out(folder / "new/out", {}, Overwrite::refuse);
    write_text(out.partial() / "f", "text");
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(OutputFolder, ReplacesWithTheModeOfTheOldOne) {
  const TestFolder folder;
  fs::create_directory(folder / "out");
  ASSERT_EQ(::chmod((folder / "out").c_str(), 0750), 0);
  folder.write("out/old", "text");
  OutputFolder out(folder / "out", {}, Overwrite::replace);
  write_text(out.partial() / "new", "text");
  out.commit();
  EXPECT_TRUE(fs::exists(folder / "out/new"));
  EXPECT_FALSE(fs::exists(folder / "out/old"));
  EXPECT_EQ(unsigned(fs::status(folder / "out").permissions()), 0750u);
}

TEST(OutputFolder, GivesWayToWhatCameToItsPlaceMeanwhile) {
  const TestFolder folder;
  {
    OutputFolder out(folder / "out", {}, Overwrite::refuse);
    fs::create_directory(folder / "out");
    folder.write("out/f", "of another run");
    EXPECT_NE(error_of([&] { out.commit(); }).find("is not empty"), std::string::npos);
  }
  EXPECT_EQ(read_text(folder / "out/f"), "of another run");
  EXPECT_FALSE(fs::exists(folder / "out.partial"));
}

TEST(OutputFolder, KeepsEverySource) {
  const TestFolder folder;
  fs::create_directory(folder / "out");
  folder.write("out/sizes.json", "{}");
  fs::create_symlink("out/sizes.json", folder / "link");
  for (const char* name : {"out/sizes.json", "link", "out"}) {
    const fs::path source = folder / name;
    EXPECT_NE(error_of([&] { OutputFolder(folder / "./out", {&source, 1}, Overwrite::replace); }).find("source"),
              std::string::npos);
  }
}

TEST(OutputFolder, APlaceThatCannotBeReplacedIsFoundBeforeTheWork) {
  EXPECT_NE(error_of([] { OutputFolder("/proc", {}, Overwrite::replace); }).find("is mounted"), std::string::npos);
}

}  // namespace
}  // namespace starnest
