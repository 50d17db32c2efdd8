// A run that was stopped and resumed is the run that was not.
#include <unistd.h>

#include <filesystem>
#include <functional>

#include <gtest/gtest.h>

#include "arch/family_spec.h"
#include "base/file.h"
#include "base/output.h"
#include "base/test_support.h"
#include "format/json/jsonl.h"
#include "starnest/error.h"
#include "train/jobs/elastify.h"
#include "train/jobs/gaps.h"
#include "train/jobs/plot.h"
#include "train/jobs/pretrain.h"
#include "train/jobs/rank.h"
#include "train/jobs/test_recipes.h"
#include "train/modules/parameters_io.h"
#include "train/router/size_text.h"

namespace starnest::train {
namespace {

namespace fs = std::filesystem;

TEST_F(Recipes, ASearchForWidthsResumesToTheSameBytesBeforeAndAfterItsDecision) {
  pretrain(tiny_parent("parent", 2));
  // What two nested cells cost, so that the budgets can be kept.
  const ModelSpec spec = read_family(at("parent")).spec;
  const auto cost_of = [&](const Widths& widths) { return exact_cost(spec, widths, CostKind::active_parameters); };
  Widths inner = full_widths(spec), outer = full_widths(spec);
  inner.set_hidden(16);
  for (Widths* widths : {&inner, &outer})
    for (BlockWidths& block : widths->blocks)
      if (block[Axis::moe_ffn] != 0) block[Axis::moe_ffn] = 16;
  const auto budget = [&](const std::string& name, const Widths& widths) {
    return name + "=" + std::to_string(int64_t(cost_of(widths)));
  };
  const auto searched = [&](const std::string& out) {
    ElastifySettings settings = tiny_family("parent", out, 9);
    settings.family.sizes.clear();
    settings.search = {.budgets = {budget("half", inner), budget("most", outer)},
                       .choices = {"hidden_size=32,16", "moe_intermediate_size=32,16"},
                       .drop = {0, 1},
                       .drop_order = {3}};
    settings.router.steps = 5;
    settings.family.think = "half";
    return settings;
  };
  expect_resumed_equals_uninterrupted(searched("early"), elastify, 3);  // checkpoints at 2, 4, 6, 8
  expect_resumed_equals_uninterrupted(searched("late"), elastify, 7);
  EXPECT_EQ(read_text(root_ / "early" / "model.safetensors"), read_text(root_ / "late" / "model.safetensors"));
  const FamilySpec family = read_family(at("late"));
  ASSERT_EQ(family.sizes.largest(), 3u);
  EXPECT_EQ(family.sizes.at(2).name, "most");
  EXPECT_EQ(family.default_plan->think, "half");
  for (const auto& [number, cap] : {std::pair{2, cost_of(outer)}, std::pair{1, cost_of(inner)}}) {
    EXPECT_LE(cost_of(family.sizes.at(size_t(number)).widths), cap);
    EXPECT_GE(cost_of(family.sizes.at(size_t(number)).widths), 0.95 * cap);
  }
  const auto log = read_jsonl(root_ / "late" / "training" / "log.jsonl");
  EXPECT_TRUE(log[5].has("costs") && log[5].object("sizes").object("half").has("kl"));
  EXPECT_FALSE(log[6].has("costs"));
}

TEST_F(Recipes, ARunThatWasKilledWhileItWroteItsModelWritesItAgain) {
  pretrain(tiny_parent("parent", 2));
  ElastifySettings settings = tiny_family("parent", "family", 4);
  elastify(settings, {});
  const std::string model = read_text(root_ / "family" / "model.safetensors");
  fs::remove(root_ / "family" / "model.safetensors");
  settings.run.resume = true;
  elastify(settings, {});
  EXPECT_EQ(read_text(root_ / "family" / "model.safetensors"), model);
}

TEST_F(Recipes, AResumedPretrainingEqualsAnUninterruptedOneBitForBit) {
  expect_resumed_equals_uninterrupted(tiny_parent("parent", 8), pretrain, 5);
}

TEST_F(Recipes, AResumedElasticRunEqualsAnUninterruptedOneBitForBit) {
  pretrain(tiny_parent("parent", 2));
  expect_resumed_equals_uninterrupted(tiny_family("parent", "family", 7), elastify, 5);
}

TEST_F(Recipes, AResumedRunWithAnAverageEqualsAnUninterruptedOneAndDiffersFromOneWithout) {
  pretrain(tiny_parent("parent", 2));
  ElastifySettings settings = tiny_family("parent", "averaged", 7);
  settings.family.average = 0.9;
  expect_resumed_equals_uninterrupted(settings, elastify, 5);
  elastify(tiny_family("parent", "plain", 7));
  EXPECT_NE(read_text(root_ / "averaged" / "model.safetensors"), read_text(root_ / "plain" / "model.safetensors"));
  settings.run.out = at("wrong");
  settings.family.average = 1;
  EXPECT_NE(error_of([&] { elastify(settings); }).find("--average"), std::string::npos);
}

TEST_F(Recipes, ARepeatedRunIsEqualAndAnotherSeedIsNot) {
  pretrain(tiny_parent("a", 2));
  pretrain(tiny_parent("b", 2));
  PretrainSettings other = tiny_parent("c", 2);
  other.run.seed = 4;
  pretrain(other);
  EXPECT_EQ(read_text(root_ / "a" / "model.safetensors"), read_text(root_ / "b" / "model.safetensors"));
  EXPECT_NE(read_text(root_ / "a" / "model.safetensors"), read_text(root_ / "c" / "model.safetensors"));
}

TEST_F(Recipes, OneRunAtATimeWritesAFolder) {
  const auto resume_while_it_runs = [&](uint64_t done, uint64_t) {
    if (done != 4) return;
    PretrainSettings second = tiny_parent("parent", 6);
    second.run.resume = true;
    const std::string before = read_text(at("parent/training/log.jsonl"));
    EXPECT_NE(error_of([&] { pretrain(second); }).find("another process writes the run"), std::string::npos);
    EXPECT_EQ(read_text(at("parent/training/log.jsonl")), before);
    second.run.resume = false;
    EXPECT_NE(error_of([&] { pretrain(second); }).find("is not empty"), std::string::npos);
  };
  pretrain(tiny_parent("parent", 6), resume_while_it_runs);
  pretrain(tiny_parent("alone", 6));
  EXPECT_EQ(read_text(at("parent/model.safetensors")), read_text(at("alone/model.safetensors")));
  EXPECT_FALSE(fs::exists(at("parent/training/lock")));
}

TEST_F(Recipes, AResumedRunHasTheSameParentWhereverItLies) {
  pretrain(tiny_parent("parent", 2));
  ElastifySettings family = tiny_family("parent", "family", 4);
  EXPECT_THROW(elastify(family, stop_after(3)), Stop);
  family.run.resume = true;
  fs::rename(at("parent"), at("moved"));
  write_text(at("family/training/model.safetensors.123-4.tmp"), "of a process that was killed");
  family.family.model = at("moved") + "/";
  elastify(family);
  EXPECT_FALSE(fs::exists(at("family/training/model.safetensors.123-4.tmp")));

  PretrainSettings other = tiny_parent("parent", 2);
  other.run.seed = 4;
  pretrain(other);
  family.family.model = at("parent");
  const std::string message = error_of([&] { elastify(family); });
  EXPECT_NE(message.find("The input 'model' changed, or is another one"), std::string::npos) << message;
}

TEST_F(Recipes, DrawnSizesWithTwoStagesResumeToTheSameBytes) {
  pretrain(tiny_parent("parent", 2));
  ElastifySettings settings = tiny_family("parent", "whole", 6);
  settings.curriculum = {.stage2_from = 0.5, .stage2_weights = {0.7, 0.3}, .micro_batches = 3, .short_share = 0.7};
  expect_resumed_equals_uninterrupted(settings, elastify, 5);
  const auto log = read_jsonl(at("whole/training/log.jsonl"));
  EXPECT_GT(log.back().integer("tokens"), 6 * 3 * 8 * 10);  // three batches a step
}

}  // namespace
}  // namespace starnest::train
