// The jobs end to end at a size that takes seconds: what they write, what they refuse.
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

TEST_F(Recipes, ASearchThatIsTheWholeRunMeasuresWhatItFound) {
  pretrain(tiny_parent("parent", 2));
  const ModelSpec spec = read_family(at("parent")).spec;
  Widths half = full_widths(spec);
  half.set_hidden(16);
  ElastifySettings settings = tiny_family("parent", "family", 2);
  settings.family.sizes.clear();
  settings.search = {
      .budgets = {"half=" + std::to_string(int64_t(exact_cost(spec, half, CostKind::active_parameters)))},
      .choices = {"hidden_size=32,16"}};
  elastify(settings, {});
  const std::string log = read_text(root_ / "family" / "training" / "log.jsonl");
  const auto lines = read_jsonl(root_ / "family" / "training" / "log.jsonl");
  EXPECT_EQ(lines.size(), 3u);
  EXPECT_TRUE(lines.back().object("sizes").object("half").has("dev"));
  settings.run.resume = true;
  elastify(settings, {});
  EXPECT_EQ(read_text(root_ / "family" / "training" / "log.jsonl"), log);
}

TEST_F(Recipes, SettingsOutOfRangeAreNamed) {
  pretrain(tiny_parent("parent", 2));
  const auto refused = [&](const std::function<void(ElastifySettings&)>& change) {
    ElastifySettings settings = tiny_family("parent", "family", 2);
    change(settings);
    return error_of([&] { elastify(settings, {}); });
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(refused([&](ElastifySettings& s) { s.optimizer.rate = nan; }).rfind("--rate: is out of range", 0), 0u);
  EXPECT_EQ(refused([](ElastifySettings& s) {
              s.optimizer.beta2 = 1;
            }).rfind("--beta2: is out of range; expected 0 to less than 1, got 1.", 0),
            0u);
  EXPECT_EQ(refused([](ElastifySettings& s) { s.optimizer.clip = 0; }).rfind("--clip: is out of range", 0), 0u);
  EXPECT_EQ(refused([](ElastifySettings& s) {
              s.family.average = 1;
            }).rfind("--average: is out of range; expected 0 to less than 1, got 1.", 0),
            0u);
  const auto search = [](ElastifySettings& s) {
    s.family.sizes.clear();
    s.search.budgets = {"0.5"};
  };
  EXPECT_EQ(refused([&](ElastifySettings& s) { search(s), s.router.hard = 2; }).rfind("--router-hard", 0), 0u);
  EXPECT_EQ(refused([&](ElastifySettings& s) { search(s), s.router.inner = 0; }).rfind("--router-inner", 0), 0u);
  EXPECT_EQ(refused([&](ElastifySettings& s) {
              search(s), s.router.final_temperature = 0;
            }).rfind("--router-final-temperature: is out of range; expected more than 0", 0),
            0u);
}

TEST_F(Recipes, ASearchMayChooseForEveryBlock) {
  PretrainSettings parent = tiny_parent("parent", 2);
  parent.model.pattern = "M*EE";
  pretrain(parent);
  const ModelSpec spec = read_family(at("parent")).spec;
  Widths one = full_widths(spec);  // cut in one of two blocks
  one.blocks.back()[Axis::moe_ffn] = 16;
  const double cap = exact_cost(spec, one, CostKind::parameters);
  ElastifySettings settings = tiny_family("parent", "family", 7);
  settings.family.sizes.clear();
  settings.family.think = "cut";
  settings.search = {.budgets = {"cut=" + std::to_string(int64_t(cap))},
                     .of = "total",
                     .choices = {"moe_intermediate_size=32,16"},
                     .per_block = {"moe_intermediate_size"}};
  settings.router.steps = 4;
  expect_resumed_equals_uninterrupted(settings, elastify, 5);
  const Widths decided = read_family(at("family")).sizes.at(1).widths;
  EXPECT_TRUE(decided.differ_between_blocks());
  EXPECT_EQ(exact_cost(spec, decided, CostKind::parameters), cap);
}

TEST_F(Recipes, RefuseWhatCannotBeDoneAndSayWhy) {
  pretrain(tiny_parent("parent", 2));
  EXPECT_NE(error_of([&] { pretrain(tiny_parent("parent", 2)); }).find("is not empty"), std::string::npos);

  PretrainSettings other = tiny_parent("parent", 2);
  other.run.resume = true;
  other.optimizer.rate = 0.5;
  EXPECT_NE(error_of([&] { pretrain(other); }).find("rate = 0.5"), std::string::npos);

  PretrainSettings nowhere = tiny_parent("none", 2);
  nowhere.run.out = "/proc/nowhere";
  EXPECT_NE(error_of([&] { pretrain(nowhere); }).find("/proc/nowhere"), std::string::npos);
  nowhere.run = {.out = at("none"), .resume = true};
  EXPECT_NE(error_of([&] { pretrain(nowhere); }).find("no checkpoint"), std::string::npos);

  PretrainSettings wild = tiny_parent("wild", 30);
  wild.optimizer.rate = 1e30;
  EXPECT_NE(error_of([&] { pretrain(wild); }).find("step "), std::string::npos);
}

TEST_F(Recipes, SizesAreParsedStrictly) {
  const ElasticSize size = parse_size("small:hidden_size=32,mamba_num_heads=4+2,layers=0+2");
  EXPECT_EQ(size.name, "small");
  ASSERT_EQ(size.values.size(), 2u);
  EXPECT_EQ(size.values[0].numbers, std::vector<int>{32});
  EXPECT_TRUE(size.values[1].per_block);
  EXPECT_EQ(*size.layers, (std::vector<int>{0, 2}));
  EXPECT_NE(error_of([] { parse_size("small:hiden_size=32"); }).find("hidden_size"), std::string::npos);
  EXPECT_NE(error_of([] { parse_size("small:hidden_size=3x"); }).find("not a list of numbers"), std::string::npos);
  EXPECT_NE(error_of([] { parse_size(":hidden_size=32"); }).find("name"), std::string::npos);
}

TEST_F(Recipes, WriteAFamilyThatReadsBack) {
  pretrain(tiny_parent("parent", 4));
  rank({.settings = {.model = at("parent"), .out = at("sorted"), .samples = 40},
        .data = {.mix = {.growth = 0}, .batch = {}, .text = {}}});
  const std::string page = read_text(at("sorted/training/scores.html"));
  for (const char* part : {"hidden_size", "moe_intermediate_size", "block 2", "less important half"})
    EXPECT_NE(page.find(part), std::string::npos) << part;
  EXPECT_TRUE(fs::exists(root_ / "sorted" / "training" / "scores.json"));
  elastify(tiny_family("sorted", "family", 3));
  const FamilySpec family = read_family(at("family"));
  ASSERT_EQ(family.sizes.largest(), 2u);
  EXPECT_EQ(family.largest().name, "large");
  EXPECT_EQ(family.sizes.at(1).widths.hidden, 16);
  EXPECT_EQ(family.default_plan->think, "small");
  read_weights(at("family"), family.spec);
  for (const char* name : {"tokenizer.json", "generation_config.json", "chat_template.jinja"})
    EXPECT_EQ(read_text(root_ / "family" / name), read_text(root_ / "parent" / name)) << name;
}

TEST_F(Recipes, GapsAreThoseOfTheLargestAndTheSmallestSize) {
  const std::string pocket = (fs::path(STARNEST_SOURCE_DIR) / "models" / "pocket").string();
  const std::vector<Gap> gaps = measure_gaps({.model = pocket, .tasks = {"r"}, .problems = 100});
  ASSERT_EQ(gaps.size(), 3u);
  EXPECT_EQ(gaps[0].way, "long");
  EXPECT_GE(gaps[0].trace_small, 0.98);  // it has learned all of r
  EXPECT_EQ(gaps[2].way, "cut");
  EXPECT_EQ(gaps[2].trace_small, gaps[0].trace_small);
  for (const Gap& gap : gaps) EXPECT_FALSE(gap.small_thinks_large_answers()) << gap.way;
  EXPECT_TRUE((Gap{"x", "cut", 1.0, 0.99, 0.9, 0.7}).small_thinks_large_answers());
  EXPECT_FALSE((Gap{"x", "cut", 1.0, 0.9, 0.9, 0.7}).small_thinks_large_answers());
  pretrain(tiny_parent("parent", 1));
  EXPECT_NE(error_of([&] { measure_gaps({.model = at("parent")}); }).find("one size"), std::string::npos);
}

// A parent and a family on text: a few sentences over a vocabulary of letters.
TEST_F(Recipes, TextIsPackedTrainedOnAndMeasured) {
  std::string vocab;
  for (char c = 'a'; c <= 'z'; ++c)
    vocab.append(1, '"').append(1, c).append("\": ").append(std::to_string(c - 'a')).append(", ");
  write_text(at("tokenizer.json"), R"({"model": {"type": "BPE", "vocab": {)" + vocab + R"("\u0120": 26}, "merges": []},
    "added_tokens": [{"id": 27, "content": "<|endoftext|>", "special": true}],
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false},
    "decoder": {"type": "ByteLevel"}})");
  std::string text;
  for (int i = 0; i < 40; ++i) text += "the cat sat on the mat\n<|endoftext|>\na dog ran\n<|endoftext|>\n";
  write_text(at("train.txt"), text);
  write_text(at("dev.txt"), "the cat sat on the mat");

  PretrainSettings parent = tiny_parent("parent", 30);
  parent.data.text = {
      .files = {at("train.txt")}, .dev = {at("dev.txt")}, .tokenizer = at("tokenizer.json"), .length = 48, .rows = 4};
  parent.run.dev_every = 1;
  pretrain(parent);
  const auto log = read_jsonl(at("parent/training/log.jsonl"));
  const auto loss = [&](size_t step) { return log[step].object("dev").number("loss"); };
  ASSERT_EQ(log.size(), 30u);
  EXPECT_GT(loss(0), 2.5);  // ln 28 = 3.3 for a uniform guess
  EXPECT_LT(loss(29), loss(0) - 1);
  EXPECT_EQ(read_family(at("parent")).spec.vocab, 28);
  EXPECT_EQ(read_text(at("parent/tokenizer.json")), read_text(at("tokenizer.json")));

  fs::rename(at("train.txt"), at("moved.txt"));
  parent.data.text.files = {at("moved.txt")};
  parent.run.resume = true;
  pretrain(parent);  // the same text under another name
  write_text(at("train.txt"), "z" + text);
  parent.data.text.files = {at("train.txt")};
  const std::string changed = error_of([&] { pretrain(parent); });
  EXPECT_NE(changed.find("The input 'data.files' changed"), std::string::npos) << changed;

  ElastifySettings family = tiny_family("parent", "family", 4);
  family.data.text = parent.data.text;
  family.data.text.tokenizer = "";  // that of the model
  elastify(family);
  EXPECT_EQ(read_jsonl(at("family/training/log.jsonl")).size(), 5u);  // step 0, before distillation, has a line too

  family.run.out = at("other");
  family.family.model = at("tasks");
  pretrain(tiny_parent("tasks", 0));
  write_text(at("tokenizer65.json"), [&] {
    std::string larger = read_text(at("tokenizer.json"));
    larger.replace(larger.find("\"id\": 27"), 8, "\"id\": 64");
    return larger;
  }());
  family.data.text.tokenizer = at("tokenizer65.json");
  EXPECT_NE(error_of([&] { elastify(family); }).find("has more tokens than the model; expected at most 64, got 65"),
            std::string::npos);
}

TEST_F(Recipes, ALossThatIsNotANumberNamesTheStepAndTheLastGoodCheckpoint) {
  PretrainSettings settings = tiny_parent("wild", 40);
  settings.run.checkpoint_every = 1;
  settings.optimizer.rate = 1e18;
  settings.optimizer.warm_up = 0;
  const std::string message = error_of([&] { pretrain(settings); });
  EXPECT_TRUE(message.starts_with("step ")) << message;
  EXPECT_NE(message.find(", batch "), std::string::npos) << message;
  EXPECT_NE(message.find("The last good checkpoint is " + at("wild/training/checkpoint.safetensors")),
            std::string::npos)
      << message;
}

TEST_F(Recipes, AWrongSettingIsFoundBeforeTheFolderIsMade) {
  pretrain(tiny_parent("parent", 2));
  const auto refused = [&](const std::function<void(ElastifySettings&)>& spoil) {
    ElastifySettings settings = tiny_family("parent", "family", 2);
    spoil(settings);
    const std::string message = error_of([&] { elastify(settings); });
    EXPECT_FALSE(fs::exists(root_ / "family")) << message;
    return message;
  };
  EXPECT_NE(refused([](auto& s) { s.family.freeze = {"heads"}; }).find("--freeze"), std::string::npos);
  EXPECT_NE(refused([](auto& s) { s.curriculum.stage2_weights = {1, 2, 3}; }).find("--curriculum"), std::string::npos);
  EXPECT_NE(refused([](auto& s) { s.family.think = "tiny"; }).find("no size 'tiny'"), std::string::npos);
  EXPECT_NE(refused([](auto& s) { s.search.budgets = {"0.5"}; }).find("together"), std::string::npos);
}

TEST_F(Recipes, FrozenPartsKeepTheirBytes) {
  pretrain(tiny_parent("parent", 2));
  ElastifySettings settings = tiny_family("parent", "family", 3);
  settings.family.freeze = {"embedding", "norms"};
  elastify(settings);
  const FamilySpec spec = read_family(at("parent"));
  const Parameters before = read_weights(at("parent"), spec.spec), after = read_weights(at("family"), spec.spec);
  for (const Parameter& parameter : after.all()) {
    const Role role = parameter.spec.role;
    const bool frozen = role == Role::embedding || role == Role::block_norm || role == Role::gated_norm ||
                        role == Role::final_norm || role == Role::gate_bias;
    EXPECT_EQ(parameter.value.equal(before(role, parameter.spec.block)), frozen) << parameter.spec.name;
  }
  settings.run.out = at("other");
  settings.family.freeze = {"heads"};
  EXPECT_NE(error_of([&] { elastify(settings); }).find("--freeze"), std::string::npos);
}

TEST_F(Recipes, RandomOrdersAndRotationsKeepTheFunctionAndDifferFromTheRanking) {
  pretrain(tiny_parent("parent", 2));
  const auto ranked = [&](const std::string& out, const std::string& order, bool rotate) {
    RankJob job{.settings = {.model = at("parent"),
                             .out = at(out),
                             .samples = 16,
                             .layer_samples = 0,
                             .order = order,
                             .rotate = rotate},
                .data = {}};
    job.data.batch = {.rows = 8, .group = 2};
    rank(job);  // throws where the function is another
    return read_text(at(out + "/model.safetensors"));
  };
  const std::string by_importance = ranked("ranked", "importance", false);
  EXPECT_NE(ranked("random", "random", false), by_importance);
  EXPECT_NE(ranked("rotated", "importance", true), by_importance);
  EXPECT_NE(error_of([&] { ranked("other", "alphabet", false); }).find("--order"), std::string::npos);
}

TEST_F(Recipes, AStudentMayBeginFromOtherWeights) {
  pretrain(tiny_parent("parent", 2));
  PretrainSettings other = tiny_parent("other", 0);
  other.run.seed = 4;
  pretrain(other);
  ElastifySettings settings = tiny_family("parent", "family", 0);
  settings.family.student = at("other");
  elastify(settings);
  const FamilySpec spec = read_family(at("parent"));
  EXPECT_TRUE(
      read_weights(at("family"), spec.spec)(Role::head).equal(read_weights(at("other"), spec.spec)(Role::head)));
  other.run.out = at("wide");
  other.model.ffn = 48;
  pretrain(other);
  settings.run.out = at("second");
  settings.family.student = at("wide");
  EXPECT_NE(error_of([&] { elastify(settings); }).find("--student"), std::string::npos);
}

TEST_F(Recipes, ALogBecomesAPageOfCharts) {
  pretrain(tiny_parent("parent", 3));
  elastify(tiny_family("parent", "family", 3));
  plot({.log = at("family"), .out = at("family.html")});
  const std::string page = read_text(at("family.html"));
  for (const char* part : {"3 steps", "KL from the parent", "Cosine with", "Load of the busiest expert",
                           "<td>small</td>", "Development: long traces right"})
    EXPECT_NE(page.find(part), std::string::npos) << part;
  for (const char* file : {"training/log.jsonl", "training/checkpoint.safetensors", "model.safetensors"})
    EXPECT_NE(
        error_of([&] { plot({.log = at("family"), .out = at("family/") + file}); }).find("would replace the file"),
        std::string::npos);
  write_text(at("empty.jsonl"), "");
  EXPECT_NE(error_of([&] { plot({.log = at("empty.jsonl"), .out = at("x.html")}); }).find("holds no step"),
            std::string::npos);
}

}  // namespace
}  // namespace starnest::train
