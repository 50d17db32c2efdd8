// A study from nothing to its report, and gone on with, as a user runs it.
#include <chrono>

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/test_support.h"
#include "format/json/jsonl.h"
#include "training_process.h"

namespace starnest {
namespace {

class StudyProgram : public ::testing::Test {
 protected:
  // Some steps of everything: the numbers mean nothing.
  std::string run(std::vector<std::string> words, int expected) const {
    for (const char* word : {"--out", "", "--seeds", "1", "--parent-steps", "3", "--short-steps", "2", "--dev-problems",
                             "12", "--tasks", "r"})
      words.emplace_back(word);
    for (std::string& word : words)
      if (word.empty()) word = (folder_ / "studies").string();
    const std::filesystem::path output = folder_ / "output";
    EXPECT_EQ(TrainingProcess(words, {}, output).exit_code_within(std::chrono::minutes(10)), expected)
        << read_text(output);
    return read_text(output);
  }

  TestFolder folder_;
};

TEST_F(StudyProgram, RunsItsJobsOnceAndReports) {
  const std::string first = run({"study", "twins", "--steps", "3"}, 0);
  EXPECT_NE(first.find("done  seed1/twin-long-small"), std::string::npos) << first;
  EXPECT_NE(first.find("(a) the small size equals its twin"), std::string::npos) << first;
  const std::string second = run({"study", "twins", "--steps", "3"}, 0);
  EXPECT_EQ(second.find("start"), std::string::npos) << second;
  const std::filesystem::path out = folder_ / "studies";
  // A job that was killed before its first checkpoint begins anew.
  std::filesystem::remove_all(out / "seed1" / "twin-small");
  std::filesystem::create_directories(out / "seed1" / "twin-small" / "training");
  EXPECT_NE(run({"study", "twins", "--steps", "3"}, 0).find("done  seed1/twin-small"), std::string::npos);
  EXPECT_EQ(read_jsonl(out / "twins.json").front().objects("claims").size(), 4u);
  EXPECT_TRUE(std::filesystem::exists(out / "twins.html"));
  EXPECT_NE(run({"study", "twins", "--steps", "4"}, 1).find("run with other settings"), std::string::npos);
  // The search shares parents and ranking; its jobs follow from what the first ones found.
  const std::string search = run({"study", "search", "--steps", "3"}, 0);
  EXPECT_EQ(search.find("start seed1/parent"), std::string::npos) << search;
  EXPECT_NE(search.find("done  seed1/chain8"), std::string::npos) << search;
}

TEST_F(StudyProgram, AFailedJobIsNamedWithItsLastWords) {
  std::filesystem::create_directories(folder_ / "studies" / "seed1" / "parent" / "in the way");
  const std::string text = run({"study", "twins", "--steps", "3"}, 1);
  EXPECT_NE(text.find("job seed1/parent: failed"), std::string::npos) << text;
  EXPECT_NE(text.find("not empty"), std::string::npos) << text;
}

TEST_F(StudyProgram, AnUnknownStudyIsRefused) {
  EXPECT_NE(run({"study", "twin", "--steps", "3"}, 1).find("Did you mean 'twins'"), std::string::npos);
}

}  // namespace
}  // namespace starnest
