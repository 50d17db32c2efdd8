// A run that is killed again and again ends with the bytes of one that was left alone.
#include <algorithm>

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/rng.h"
#include "base/test_support.h"
#include "format/json/jsonl.h"
#include "training_process.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;
using Milliseconds = std::chrono::milliseconds;

std::vector<std::string> flags(const fs::path& out, int steps, bool resume) {
  std::vector<std::string> words = tiny_parent(out, steps);
  if (resume) words.push_back("--resume");
  return words;
}

// Kills it without warning, unless it ends within `limit` by itself. True when it did, and well.
bool ends_within(Milliseconds limit, const std::vector<std::string>& words) {
  TrainingProcess training(words);
  const std::optional<int> code = training.exit_code_within(limit);
  EXPECT_EQ(code.value_or(0), 0);
  return code.has_value();
}

// How long a run takes that is left alone.
Milliseconds time_of(const std::vector<std::string>& words) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(ends_within(std::chrono::minutes(2), words));
  return std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - start);
}

TEST(KilledTraining, TwentyTimesEqualsAnUninterruptedRunBitForBit) {
  constexpr int kSteps = 600, kKills = 20;
  const TestFolder folder;
  const fs::path whole = folder / "whole", broken = folder / "broken";
  const Milliseconds startup = time_of(flags(folder / "none", 0, false)), once = time_of(flags(whole, kSteps, false));
  const Milliseconds advance = std::max(once - startup, Milliseconds(1)) / (2 * kKills);  // between two kills

  Rng rng(5);
  for (int kills = 0; kills < kKills; ++kills) {
    const bool resume = fs::exists(broken / "training" / "checkpoint.safetensors") ||
                        fs::exists(broken / "training" / "checkpoint.previous.safetensors");
    if (!resume) fs::remove_all(broken);  // killed before there was anything to lose
    const auto most = uint64_t((startup / 2 + advance).count());
    const Milliseconds limit = startup / 2 + Milliseconds(rng.below(most + 1));
    ASSERT_FALSE(ends_within(limit, flags(broken, kSteps, resume))) << "ended after " << kills << " kills";
  }
  EXPECT_TRUE(ends_within(std::chrono::minutes(2), flags(broken, kSteps, true)));
  EXPECT_EQ(read_text(whole / "model.safetensors"), read_text(broken / "model.safetensors"));
  EXPECT_EQ(read_jsonl(broken / "training" / "log.jsonl").size(), read_jsonl(whole / "training" / "log.jsonl").size());
}

}  // namespace
}  // namespace starnest
