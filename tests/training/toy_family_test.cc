// A family distilled from a small committed parent in seconds: the whole of elastic training at once. The bars fail for
// a parent that was not sorted by importance and for training without the mask that guards the residual stream, and the
// test proves that they do. Bars are set between the worst of five seeds and the failures (docs/training.md).
//
// The parent (tests/training/data/parent) is the study model C on family r, ranked and sorted.
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "arch/family_spec.h"
#include "tasks/batch.h"
#include "train/distill/sandwich.h"
#include "train/importance/orders.h"
#include "train/modules/parameters_io.h"
#include "train/router/search.h"
#include "train/run/measure.h"

namespace starnest::train {
namespace {

constexpr int kSteps = 120;            // of the distillation of the half size
constexpr double kHalfBar = 0.56;      // KL of the half size, nats per completion position, after kSteps
constexpr double kFullBar = 0.005;     // of the full size
constexpr int kThinSteps = 40;         // of the distillation of a size with a quarter of all expert channels
constexpr double kThinBar = 0.011;     // its KL after kThinSteps
constexpr double kDecidedBar = 0.04;   // of a size whose widths were searched for, after kThinSteps
constexpr double kMissBar = 0.2;       // of the search, see Searched::miss
constexpr double kZeroShotBar = 0.01;  // of the slice with half of the routed experts' channels, without training

struct Parent {
  ModelSpec spec;
  Parameters weights;
};

Parent read_parent() {
  const auto folder = std::filesystem::path(STARNEST_SOURCE_DIR) / "tests" / "training" / "data" / "parent";
  const FamilySpec family = read_family(folder);
  return {family.spec, read_weights(folder, family.spec)};
}

Widths with(Widths widths, int hidden, int expert_ffn, int shared_ffn) {
  widths.set_hidden(hidden);
  for (BlockWidths& block : widths.blocks) {
    if (block[Axis::moe_ffn] == 0) continue;
    block[Axis::moe_ffn] = expert_ffn;
    block[Axis::shared_ffn] = shared_ffn;
  }
  return widths;
}

// The same function with its channels in random order: what a parent is before ranking.
Parameters shuffled(const Parent& parent, int64_t seed) {
  torch::manual_seed(uint64_t(seed));
  ByAxis noise{{{-1, Axis::hidden}, torch::rand({parent.spec.hidden})}};
  for (int b = 0; b < int(parent.spec.blocks.size()); ++b) {
    if (const auto* moe = std::get_if<MoeSpec>(&parent.spec.blocks[size_t(b)])) {
      noise[{b, Axis::moe_ffn}] = torch::rand({moe->experts, moe->ffn});
      noise[{b, Axis::shared_ffn}] = torch::rand({moe->shared_ffn});
    }
  }
  return sorted(parent.weights, orders_of(parent.spec, noise));
}

tasks::BatchStream batches(tasks::Split split, int64_t seed) {
  return {tasks::MixConfig{.growth = 0}, tasks::BatchConfig{.rows = 32}, {.split = split, .seed = uint64_t(seed)}};
}

// Mean KL from the parent over development batches, run as the slice would run. Printed as `what`.
double dev_kl(const char* what, const Parameters& teacher, const Parameters& student, const Widths& widths) {
  const torch::NoGradGuard no_gradients;
  tasks::BatchStream data = batches(tasks::Split::development, 1);
  double sum = 0;
  constexpr int kBatches = 16;
  for (int i = 0; i < kBatches; ++i) {
    const BatchTensors batch = to_tensors(data.at(uint64_t(i)));
    const Tensor goal = completion_logits(teacher, batch, SizeContext::full());
    sum += forward_kl(goal, completion_logits(student, batch, SizeContext::narrow(widths)), batch.positions)
               .item<double>() /
           kBatches;
  }
  std::printf("%s: KL %.4f\n", what, sum);
  return sum;
}

// Sandwich steps of the given contexts, as elastify runs them.
Parameters distilled(const Parameters& teacher, const std::vector<StudentSize>& sizes, int steps, int64_t seed) {
  Parameters student = teacher.clone();
  student.require_gradients();
  const OptimizerSettings settings{.rate = 1e-3, .warm_up = steps / 4, .weight_decay = 0};
  const Processes alone;
  AdamW optimizer(student, settings, alone);
  tasks::BatchStream data = batches(tasks::Split::train, seed);
  for (int step = 0; step < steps; ++step) {
    const BatchTensors batch = to_tensors(data.at(uint64_t(step)));
    const Tensor goal = completion_logits(teacher, batch, SizeContext::full()).detach();
    const SandwichResult result = sandwich(student, goal, batch, sizes, {.clip = settings.clip});
    for (const SizeResult& size : result.sizes) EXPECT_TRUE(size.finite());
    optimizer.step(result.gradients, learning_rate(settings, step, steps));
  }
  return student;
}

struct Searched {
  double miss = 0;  // by how much of its cap the size misses [0.95, 1] of it, mean of the last steps of the search
  Size size;
};

// A search for 3/4 of the active parameters on the untrained family. `direction` multiplies the gradient of the budget:
// -1 is a router that gains by leaving it.
Searched searched(const Parent& parent, double direction, int64_t seed) {
  constexpr int kSearchSteps = 300, kLast = 50;
  const double full = exact_cost(parent.spec, full_widths(parent.spec), CostKind::active_parameters), cap = 0.75 * full;
  ChoiceTexts texts;
  texts.axes = {"hidden_size=64,48,32", "moe_intermediate_size=64,48,32,16",
                "moe_shared_expert_intermediate_size=64,48,32,16", "num_attention_heads=8,6,4"};
  WidthSearch search(parent.spec, make_choices(texts, parent.spec), {{"cut", cap}}, CostKind::active_parameters,
                     {.steps = kSearchSteps, .rate = 3e-2, .warm_up = 20}, uint64_t(seed));
  Parameters weights = parent.weights.clone();
  weights.require_gradients();
  tasks::BatchStream data({.growth = 0}, {.rows = 8}, {.split = tasks::Split::train, .seed = uint64_t(seed)});
  const auto batch_at = [&](int step) { return to_tensors(data.at(uint64_t(step))); };
  const auto goal_of = [&](const BatchTensors& batch) {
    const torch::NoGradGuard no_gradients;
    return completion_logits(parent.weights, batch, SizeContext::full());
  };
  Searched result;
  for (int step = 0; step < kSearchSteps; ++step) {
    const BatchTensors batch = batch_at(step);
    const WidthSearch::Undecided cut = search.sizes_at(step).front();
    if (step >= kSearchSteps - kLast) result.miss += cut.budget_loss.item<double>() / kLast;
    const std::vector<StudentSize> sizes{{"cut", cut.context, 1, search.parameters(), direction * cut.budget_loss}};
    search.update(sandwich(weights, goal_of(batch), batch, sizes, {}).router_gradients, step);
  }
  search.decide([&](const std::vector<Size>& decided) {
    const torch::NoGradGuard no_gradients;
    const BatchTensors batch = batch_at(kSearchSteps);
    const Tensor logits = completion_logits(weights, batch, SizeContext::narrow(decided[0].widths));
    return forward_kl(goal_of(batch), logits, batch.positions).item<double>();
  });
  result.size = search.sizes().front();
  std::printf("budget x %g: misses the cap by %.3f\n", direction, result.miss);
  return result;
}

// Another seed for data and shuffles, to set the bars: STARNEST_TOY_SEED=2 training_test prints what they are set from.
int64_t toy_seed() {
  const char* text = std::getenv("STARNEST_TOY_SEED");
  return text ? std::atoll(text) : 1;
}

class ToyFamily : public ::testing::Test {
 protected:
  void SetUp() override { use_threads(1); }

  static StudentSize student(const char* name, const Widths& widths) { return {name, SizeContext::narrow(widths)}; }

  const Parent parent_ = read_parent();
  const Widths full_ = full_widths(parent_.spec);
  const Widths half_ = with(full_, 32, 48, 64);
  const Widths thin_ = with(full_, 64, 16, 16);
  const std::vector<StudentSize> full_and_half_{student("full", full_), student("half", half_)};
  const std::vector<StudentSize> full_and_thin_{student("full", full_), student("thin", thin_)};
};

TEST_F(ToyFamily, DistillationReachesTheBarAndKeepsTheFullSize) {
  EXPECT_GT(dev_kl("half, before", parent_.weights, parent_.weights, half_), 3 * kHalfBar);
  const Parameters family = distilled(parent_.weights, full_and_half_, kSteps, toy_seed());
  EXPECT_LE(dev_kl("half", parent_.weights, family, half_), kHalfBar);
  EXPECT_LE(dev_kl("full", parent_.weights, family, full_), kFullBar);
}

// Masked training whose hidden mask lets everything through to the residual stream: the norms are those of the slice,
// the stream is not.
TEST_F(ToyFamily, TrainingWithoutTheWriteMaskMissesTheBar) {
  const SizeContext masked = SizeContext::masked(parent_.spec, half_);
  AxisMask open = masked.hidden();
  open.mask = torch::ones_like(open.mask);
  std::vector<BlockMasks> blocks;
  for (int b = 0; b < int(parent_.spec.blocks.size()); ++b) blocks.push_back(masked.masks(b));
  const std::vector<StudentSize> sizes{full_and_half_[0], {"half", SizeContext::soft(open, std::move(blocks))}};
  const Parameters family = distilled(parent_.weights, sizes, kSteps, toy_seed());
  EXPECT_GT(dev_kl("half, no write mask", parent_.weights, family, half_), 1.5 * kHalfBar);
}

TEST_F(ToyFamily, ASearchComesToItsBudgetAndTheSizeThatItDecidesReachesTheBar) {
  const Searched found = searched(parent_, 1, toy_seed());
  EXPECT_LE(found.miss, kMissBar);
  const Parameters family =
      distilled(parent_.weights, {full_and_half_[0], student("decided", found.size.widths)}, kThinSteps, toy_seed());
  EXPECT_LE(dev_kl("decided", parent_.weights, family, found.size.widths), kDecidedBar);
  EXPECT_LE(dev_kl("full beside it", parent_.weights, family, full_), kFullBar);
}

TEST_F(ToyFamily, ASearchWhoseBudgetGradientIsNegatedMissesTheBar) {
  EXPECT_GT(searched(parent_, -1, toy_seed()).miss, kMissBar);
}

TEST_F(ToyFamily, RankingMakesHalfOfTheExpertChannelsFree) {
  const Widths half_ffn = with(full_, 64, 32, 64);
  EXPECT_LE(dev_kl("half of the expert channels, ranked", parent_.weights, parent_.weights, half_ffn), kZeroShotBar);
  const Parameters unsorted = shuffled(parent_, toy_seed());
  EXPECT_GT(dev_kl("half of the expert channels, unsorted", unsorted, unsorted, half_ffn), 2 * kZeroShotBar);
}

TEST_F(ToyFamily, ASortedParentReachesTheBarOfTheThinSize) {
  const Parameters family = distilled(parent_.weights, full_and_thin_, kThinSteps, toy_seed());
  EXPECT_LE(dev_kl("thin", parent_.weights, family, thin_), kThinBar);
}

TEST_F(ToyFamily, AnUnsortedParentMissesTheBarOfTheThinSize) {
  const Parameters unsorted = shuffled(parent_, toy_seed());
  const Parameters family = distilled(unsorted, full_and_thin_, kThinSteps, toy_seed());
  EXPECT_GT(dev_kl("thin, unsorted", unsorted, family, thin_), kThinBar);
}

}  // namespace
}  // namespace starnest::train
