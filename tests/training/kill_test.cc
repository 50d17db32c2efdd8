// A run that is killed again and again ends with the bytes of one that was left alone.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "core/base/file.h"
#include "core/base/rng.h"
#include "core/base/test_support.h"
#include "core/format/jsonl.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

class Training {
 public:
  Training(const fs::path& out, int steps, bool resume) {
    std::vector<std::string> words{STARNEST_BINARY_DIR "/starnest-train",
                                   "pretrain",
                                   "--out",
                                   out.string(),
                                   "--steps",
                                   std::to_string(steps),
                                   "--checkpoint-every",
                                   "3",
                                   "--dev-every",
                                   "0",
                                   "--dev-problems",
                                   "20",
                                   "--model-hidden",
                                   "32",
                                   "--model-mamba-heads",
                                   "2",
                                   "--model-mamba-head-dim",
                                   "16",
                                   "--model-ssm-state",
                                   "8",
                                   "--model-query-heads",
                                   "2",
                                   "--model-kv-heads",
                                   "1",
                                   "--model-experts",
                                   "4",
                                   "--model-expert-ffn",
                                   "32",
                                   "--model-shared-ffn",
                                   "32",
                                   "--batch-rows",
                                   "8",
                                   "--batch-group",
                                   "2"};
    if (resume) words.push_back("--resume");
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    process_ = ::fork();
    if (process_ != 0) return;
    const int null = ::open("/dev/null", O_WRONLY);
    ::dup2(null, STDOUT_FILENO);
    ::dup2(null, STDERR_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }

  // Kills it without warning, unless it ends within `limit` by itself. True when it did, and well.
  bool ends_within(std::chrono::milliseconds limit) {
    const auto start = std::chrono::steady_clock::now();
    int status = 0;
    while (::waitpid(process_, &status, WNOHANG) == 0) {
      if (std::chrono::steady_clock::now() - start > limit) {
        ::kill(process_, SIGKILL);
        ::waitpid(process_, &status, 0);
        return false;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
    return true;
  }

 private:
  pid_t process_;
};

using Milliseconds = std::chrono::milliseconds;

// How long a run takes that is left alone.
Milliseconds time_of(Training&& training) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(training.ends_within(std::chrono::minutes(2)));
  return std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - start);
}

TEST(KilledTraining, TwentyTimesEqualsAnUninterruptedRunBitForBit) {
  constexpr int kSteps = 600, kKills = 20;
  const TestFolder folder;
  const fs::path whole = folder / "whole", broken = folder / "broken";
  const Milliseconds startup = time_of({folder / "none", 0, false}), once = time_of({whole, kSteps, false});
  const Milliseconds advance = std::max(once - startup, Milliseconds(1)) / (2 * kKills);  // between two kills

  Rng rng(5);
  for (int kills = 0; kills < kKills; ++kills) {
    const bool resume = fs::exists(broken / "training" / "checkpoint.safetensors") ||
                        fs::exists(broken / "training" / "checkpoint.previous.safetensors");
    if (!resume) fs::remove_all(broken);  // killed before there was anything to lose
    const auto most = uint64_t((startup / 2 + advance).count());
    const Milliseconds limit = startup / 2 + Milliseconds(rng.below(most + 1));
    ASSERT_FALSE(Training(broken, kSteps, resume).ends_within(limit)) << "ended after " << kills << " kills";
  }
  EXPECT_TRUE(Training(broken, kSteps, true).ends_within(std::chrono::minutes(2)));
  EXPECT_EQ(read_text(whole / "model.safetensors"), read_text(broken / "model.safetensors"));
  EXPECT_EQ(read_jsonl(broken / "training" / "log.jsonl").size(), read_jsonl(whole / "training" / "log.jsonl").size());
}

}  // namespace
}  // namespace starnest
