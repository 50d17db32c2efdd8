// The study model C learns serial arithmetic: a whole training run, in about two minutes on one thread.
#include <cstdio>

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "format/json/jsonl.h"
#include "train/jobs/pretrain.h"

namespace starnest::train {
namespace {

// Long traces, and a few problems without any. Thinking is worth nearly everything: with long traces it solves the
// task, and at a glance it is right about as often as chance.
TEST(StudyModel, LearnsToThinkFromAMillionAndAHalfTokens) {
  const TestFolder folder;
  PretrainSettings settings;
  settings.run = {
      .out = (folder / "parent").string(), .steps = 800, .threads = 2, .checkpoint_every = 500, .dev_every = 0};
  settings.data.mix.terse = 0;
  settings.data.mix.cut = 0;
  pretrain(settings);
  const JsonRecord last = read_jsonl(folder / "parent/training/log.jsonl").back();
  const auto whole = [&](const char* way) { return last.object("dev").object(way).number("whole"); };
  std::printf("%lld tokens in %.0f s: long %.3f, none %.3f\n", static_cast<long long>(last.integer("tokens")),
              last.number("seconds"), whole("long"), whole("none"));
  EXPECT_LE(last.integer("tokens"), 1'600'000);
  EXPECT_GE(whole("long"), 0.90);
  EXPECT_LE(whole("none"), 0.25);
}

}  // namespace
}  // namespace starnest::train
