#include "train/run/run_checkpoints.h"

#include <csignal>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <torch/torch.h>

#include "base/file.h"
#include "base/output.h"
#include "base/test_support.h"

namespace starnest::train {
namespace {

namespace fs = std::filesystem;

class RunCheckpointsTest : public ::testing::Test {
 protected:
  void save(int step) {
    checkpoints_.write({{"a", torch::full({3, 5}, double(step))}, {"b", torch::arange(7, torch::kFloat32)}},
                       {{"step", std::to_string(step)}});
  }
  // The step of the checkpoint that is read.
  std::string read() {
    const SafetensorsFile file = checkpoints_.read([&](const std::string& note) { note_ += note; });
    return file.metadata().at("step");
  }
  static void overwrite(const fs::path& path, size_t at, char value) {
    std::string bytes = read_text(path);
    bytes.at(at) = value;
    write_text(path, bytes);
  }

  TestFolder folder_;
  RunCheckpoints checkpoints_{folder_.path()};
  std::string note_;
};

TEST_F(RunCheckpointsTest, TheNewestIsReadAndTheOneBeforeItKept) {
  EXPECT_FALSE(checkpoints_.any());
  for (const int step : {1, 2, 3}) save(step);
  EXPECT_EQ(read(), "3");
  EXPECT_EQ(note_, "");
  fs::remove(checkpoints_.newest());  // killed between two renames
  EXPECT_TRUE(checkpoints_.any());
  EXPECT_EQ(read(), "2");
}

TEST_F(RunCheckpointsTest, ATruncatedNewestIsNamedAndTheOneBeforeItRead) {
  save(1), save(2);
  const std::string whole = read_text(checkpoints_.newest());
  for (const size_t length : {size_t{0}, size_t{7}, size_t{100}, whole.size() / 2, whole.size() - 1}) {
    write_text(checkpoints_.newest(), whole.substr(0, length));
    note_.clear();
    EXPECT_EQ(read(), "1") << length;
    EXPECT_NE(note_.find(checkpoints_.newest().string()), std::string::npos) << note_;
  }
}

TEST_F(RunCheckpointsTest, ADamagedOneDoesNotTakeThePlaceOfTheWholeOne) {
  save(1), save(2);
  write_text(checkpoints_.newest(), "short");
  EXPECT_EQ(read(), "1");
  save(3);
  write_text(checkpoints_.newest(), "short");
  EXPECT_EQ(read(), "1");
  save(3), save(4);
  write_text(checkpoints_.newest(), "short");
  EXPECT_EQ(read(), "3");
}

TEST_F(RunCheckpointsTest, EveryChangedByteIsFound) {
  save(1), save(2);
  const std::string whole = read_text(checkpoints_.newest());
  const size_t data = whole.size() - (15 + 7) * sizeof(float);
  for (size_t at = data; at < whole.size(); at += 3) {
    write_text(checkpoints_.newest(), whole);
    overwrite(checkpoints_.newest(), at, char(whole[at] ^ 1));
    note_.clear();
    EXPECT_EQ(read(), "1") << at;
    EXPECT_NE(note_.find("is damaged"), std::string::npos) << note_;
  }
  write_text(checkpoints_.newest(), whole);
  overwrite(checkpoints_.newest(), whole.find("\"step\":\"2\"") + 8, '3');  // the metadata count too
  EXPECT_EQ(read(), "1");
}

TEST_F(RunCheckpointsTest, WithNoWholeOneLeftTheErrorSaysSo) {
  save(1);
  write_text(checkpoints_.newest(), "short");
  EXPECT_NE(error_of([&] { read(); }).find(checkpoints_.newest().string()), std::string::npos);
  save(1), save(2);
  write_text(checkpoints_.newest(), "short");
  write_text(checkpoints_.previous(), "short");
  EXPECT_NE(error_of([&] { read(); }).find(checkpoints_.previous().string()), std::string::npos);
}

TEST_F(RunCheckpointsTest, WhenTheDiskIsFullTheLastGoodOneStays) {
  save(1), save(2);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto signal_before = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{64, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string message = error_of([&] { save(3); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, signal_before);
  EXPECT_NE(message.find("checkpoint.safetensors"), std::string::npos) << message;
  EXPECT_EQ(read(), "2");
  EXPECT_EQ(note_, "");
}

}  // namespace
}  // namespace starnest::train
