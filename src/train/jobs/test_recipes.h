// For tests only: jobs at a size that takes seconds, and what it means that a run was resumed.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/test_support.h"
#include "format/json/jsonl.h"
#include "train/jobs/elastify.h"
#include "train/jobs/pretrain.h"

namespace starnest::train {

class Recipes : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::temp_directory_path() / ("starnest_jobs_" + std::to_string(::getpid()));
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::string at(const std::string& name) const { return (root_ / name).string(); }

  PretrainSettings tiny_parent(const std::string& out, int steps) const {
    PretrainSettings settings;
    settings.run = {
        .out = at(out), .seed = 3, .steps = steps, .checkpoint_every = 3, .dev_every = 0, .dev_problems = 40};
    settings.model = {.pattern = "M*E-",
                      .hidden = 32,
                      .mamba_heads = 2,
                      .mamba_head_dim = 16,
                      .ssm_groups = 2,
                      .ssm_state = 8,
                      .query_heads = 2,
                      .kv_heads = 1,
                      .ffn = 32,
                      .experts = 4,
                      .expert_ffn = 32,
                      .shared_ffn = 32};
    settings.data.batch = {.rows = 8, .group = 2};
    return settings;
  }

  ElastifySettings tiny_family(const std::string& model, const std::string& out, int steps) const {
    ElastifySettings settings;
    settings.run = {
        .out = at(out), .seed = 3, .steps = steps, .checkpoint_every = 2, .dev_every = 0, .dev_problems = 40};
    settings.family.model = at(model);
    settings.family.sizes = {"small:hidden_size=16,moe_intermediate_size=16", "large"};
    settings.data.batch = {.rows = 8, .group = 2};
    return settings;
  }

  std::filesystem::path root_;
};

struct Stop {};
inline Progress stop_after(uint64_t steps) {
  return [=](uint64_t done, uint64_t) {
    if (done == steps) throw Stop();
  };
}

// Runs to the end, and again with a stop between two checkpoints. Log lines are compared without their time.
template <class Settings>
void expect_resumed_equals_uninterrupted(Settings settings, void (*job)(const Settings&, const Progress&),
                                         uint64_t stop) {
  const std::filesystem::path whole = settings.run.out, broken = whole.string() + "_broken";
  job(settings, {});
  settings.run.out = broken.string();
  EXPECT_THROW(job(settings, stop_after(stop)), Stop);
  EXPECT_FALSE(std::filesystem::exists(broken / "model.safetensors"));
  settings.run.resume = true;
  job(settings, {});
  EXPECT_EQ(read_text(whole / "model.safetensors"), read_text(broken / "model.safetensors"));
  EXPECT_EQ(read_text(whole / "training" / "checkpoint.safetensors"),
            read_text(broken / "training" / "checkpoint.safetensors"));
  const auto a = read_jsonl(whole / "training" / "log.jsonl"), b = read_jsonl(broken / "training" / "log.jsonl");
  EXPECT_EQ(a.back().integer("step"), settings.run.steps);
  ASSERT_EQ(b.size(), a.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i].integer("step"), b[i].integer("step"));
}

}  // namespace starnest::train
