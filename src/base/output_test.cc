#include "base/output.h"

#include <fcntl.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/test_support.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

size_t entries_in(const fs::path& folder) {
  return size_t(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

mode_t mode_of(const fs::path& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode : 0;
}

TEST(AtomicFile, ReplacesOnCommit) {
  const TestFolder folder;
  folder.write("f", "old");
  AtomicFile file(folder / "f");
  file.write("new ");
  file.write("text");
  EXPECT_EQ(read_text(folder / "f"), "old");
  file.commit();
  EXPECT_EQ(read_text(folder / "f"), "new text");
  EXPECT_EQ(entries_in(folder.path()), 1u);
}

TEST(AtomicFile, LeavesTheOldFileAndNothingElseWithoutCommit) {
  const TestFolder folder;
  folder.write("f", "old");
  {
    AtomicFile file(folder / "f"), deep(folder / "new/folder/f");
    file.write("half");
  }
  EXPECT_EQ(read_text(folder / "f"), "old");
  EXPECT_EQ(entries_in(folder.path()), 1u);
}

TEST(AtomicFile, LeavesNothingWhenTheLastStepFails) {
  const TestFolder folder;
  {
    AtomicFile file(folder / "f");
    file.write("text");
    fs::create_directories(folder / "f/taken");
    EXPECT_NE(error_of([&] { file.commit(); }).find("cannot replace"), std::string::npos);
  }
  EXPECT_EQ(entries_in(folder.path()), 1u);
}

TEST(AtomicFile, TwoWritersOfOnePlaceEachLeaveAWholeFile) {
  const TestFolder folder;
  folder.write("f.tmp", "of somebody else");
  AtomicFile first(folder / "f"), second(folder / "f");
  first.write("first");
  second.write("2");
  second.commit();
  EXPECT_EQ(read_text(folder / "f"), "2");
  first.commit();
  EXPECT_EQ(read_text(folder / "f"), "first");
  EXPECT_EQ(read_text(folder / "f.tmp"), "of somebody else");
}

TEST(AtomicFile, KeepsTheMode) {
  const TestFolder folder;
  folder.write("f", "old");
  ASSERT_EQ(::chmod((folder / "f").c_str(), 0640), 0);
  write_text(folder / "f", "new");
  EXPECT_EQ(mode_of(folder / "f") & 07777, 0640u);
}

TEST(AtomicFile, MakesItsFolderAndNamesOneThatCannotBe) {
  const TestFolder folder;
  write_text(folder / "new/f", "text");
  EXPECT_EQ(read_text(folder / "new/f"), "text");
  EXPECT_NE(error_of([&] { AtomicFile(folder / "new/f/g"); }).find("new/f/g"), std::string::npos);
  EXPECT_NE(error_of([&] { AtomicFile(folder / "new"); }).find("is a folder"), std::string::npos);
  EXPECT_NE(error_of([&] { AtomicFile(folder / "other/"); }).find("is the name of a folder"), std::string::npos);
  EXPECT_NE(error_of([&] { AtomicFile(""); }).find("has no name"), std::string::npos);
}

TEST(AtomicFile, WritesThroughLinksAlsoToWhatIsNotThereYet) {
  const TestFolder folder;
  folder.write("real", "old");
  fs::create_directory(folder / "elsewhere");
  fs::create_symlink("real", folder / "link");
  fs::create_symlink(folder / "link", folder / "link_to_link");
  fs::create_symlink("elsewhere/new", folder / "dangling");
  write_text(folder / "link_to_link", "text");
  write_text(folder / "dangling", "text");
  EXPECT_EQ(read_text(folder / "real"), "text");
  EXPECT_EQ(read_text(folder / "elsewhere/new"), "text");
  for (const char* name : {"link", "link_to_link", "dangling"}) EXPECT_TRUE(fs::is_symlink(folder / name)) << name;
  fs::create_symlink("circle", folder / "circle");
  EXPECT_NE(error_of([&] { AtomicFile(folder / "circle"); }).find("circle"), std::string::npos);
}

TEST(AtomicFile, WritesThroughPipesAndDevices) {
  const TestFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  const int reader = ::open((folder / "pipe").c_str(), O_RDONLY | O_NONBLOCK);
  write_text(folder / "pipe", "text");
  char got[8] = {};
  EXPECT_EQ(::read(reader, got, sizeof got), 4);
  ::close(reader);
  EXPECT_TRUE(S_ISFIFO(mode_of(folder / "pipe")));

  write_text("/dev/null", "text");
  EXPECT_TRUE(S_ISCHR(mode_of("/dev/null")));
  EXPECT_NE(error_of([] { write_text("/dev/full", "text"); }).find("/dev/full: cannot write"), std::string::npos);
}

TEST(AtomicFile, WritesWhereAnOpenDescriptorStands) {
  const TestFolder folder;
  folder.write("f", "before ");
  const int file = ::open((folder / "f").c_str(), O_WRONLY);
  ::lseek(file, 0, SEEK_END);
  write_text("/dev/fd/" + std::to_string(file), "after");
  ::close(file);
  EXPECT_EQ(read_text(folder / "f"), "before after");
}

TEST(AtomicFile, TakesTheLongestNames) {
  const TestFolder folder;
  const std::string name(255, 'n');
  write_text(folder / name, "text");
  EXPECT_EQ(read_text(folder / name), "text");
}

TEST(AtomicFile, WhatAKilledProcessLeftIsKnown) {
  const TestFolder folder;
  for (const char* name : {"f", "f.tmp", "f.12-3.tmp", "f.12-x.tmp", "f.12.tmp"}) folder.write(name, "");
  remove_unfinished(folder.path());
  EXPECT_FALSE(fs::exists(folder / "f.12-3.tmp"));
  EXPECT_EQ(entries_in(folder.path()), 4u);
}

TEST(Outputs, AreHeldAgainstInputsInEverySpelling) {
  const TestFolder folder;
  folder.write("in", "text");
  folder.write("other", "text");
  fs::create_symlink("in", folder / "link");
  fs::create_hard_link(folder / "in", folder / "hard");
  const std::string root = folder.path().string();
  for (const std::string& name : {root + "/in", root + "//in", root + "/./in", root + "/x/../in", root + "/link",
                                  root + "/hard", fs::proximate(root + "/in").string()}) {
    const NamedPath output{"--json", name}, input{"--text", root + "/in"};
    if (name == root + "/x/../in") fs::create_directory(root + "/x");
    EXPECT_NE(error_of([&] {
                check_outputs({&output, 1}, {&input, 1});
              }).find("--json: would replace the file that --text names"),
              std::string::npos)
        << name;
  }
  EXPECT_FALSE(same_file(folder / "in", folder / "other"));
  EXPECT_FALSE(same_file("/dev/null", "/dev/null"));
}

TEST(Outputs, AreHeldAgainstEachOther) {
  const TestFolder folder;
  const NamedPath outputs[]{{"--json", folder / "new"}, {"--records", folder / "./new"}};
  EXPECT_NE(error_of([&] { check_outputs(outputs, {}); }).find("--records: is the file that --json writes too"),
            std::string::npos);
  const NamedPath streams[]{{"--json", "/dev/null"}, {"--records", "/dev/null"}};
  EXPECT_EQ(error_of([&] { check_outputs(streams, {}); }), "no error");
}

TEST(Outputs, ThatCannotBeWrittenAreFoundBefore) {
  const TestFolder folder;
  EXPECT_EQ(error_of([&] { check_writable(folder / "new/f"); }), "no error");
  EXPECT_EQ(entries_in(folder.path()), 0u);
  folder.write("f", "");
  EXPECT_NE(error_of([&] { check_writable(folder / "f/g"); }).find("f/g"), std::string::npos);
}

TEST(Locks, OneProcessHoldsOne) {
  const TestFolder folder;
  {
    const FileLock lock(folder / "lock", "the run");
    EXPECT_NE(error_of([&] { FileLock(folder / "lock", "the run"); }).find("another process writes the run"),
              std::string::npos);
  }
  EXPECT_FALSE(fs::exists(folder / "lock"));
  if (const pid_t child = ::fork(); child == 0) {
    new FileLock(folder / "lock", "the run");
    ::_exit(0);  // as if killed
  } else {
    ::waitpid(child, nullptr, 0);
  }
  EXPECT_TRUE(fs::exists(folder / "lock"));
  EXPECT_EQ(error_of([&] { FileLock(folder / "lock", "the run"); }), "no error");
}

TEST(Locks, AFileThatGrowsHasOneWriter) {
  const TestFolder folder;
  const int first = open_to_append(output_place(folder / "new/f"));
  EXPECT_NE(error_of([&] { open_to_append(output_place(folder / "new/f")); }).find("is being written by another"),
            std::string::npos);
  ::close(first);
  EXPECT_EQ(error_of([&] { ::close(open_to_append(output_place(folder / "new/f"))); }), "no error");
}

}  // namespace
}  // namespace starnest
