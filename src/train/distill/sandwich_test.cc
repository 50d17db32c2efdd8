#include "train/distill/sandwich.h"

#include <cmath>

#include <gtest/gtest.h>

#include "tasks/mix.h"
#include "train/distill/balance.h"
#include "train/modules/test_models.h"

namespace starnest::train {
namespace {

// The small test model over the vocabulary of the tasks.
ModelSpec task_spec() {
  ModelSpec spec = test_models::small_spec();
  spec.vocab = 64;
  return spec;
}

BatchTensors some_batch(int rows = 4) {
  std::vector<tasks::TokenSample> samples;
  for (int i = 0; i < rows; ++i)
    samples.push_back(tasks::tokens(tasks::draw(tasks::MixConfig{}, tasks::Split::train, 5, uint64_t(i), 1.0)));
  return to_tensors(tasks::make_batch(samples, 8));
}

Widths half(const ModelSpec& spec) {
  Widths widths = full_widths(spec);
  widths.set_hidden(32);
  for (BlockWidths& block : widths.blocks)
    if (block[Axis::moe_ffn] != 0) block[Axis::moe_ffn] = 16;
  return widths;
}

TEST(ForwardKl, IsWrittenOutAsInItsDefinition) {
  const Tensor teacher = torch::tensor({{0.0, std::log(3.0)}}), student = torch::tensor({{0.0, 0.0}});
  const double expected = 0.25 * std::log(0.25 / 0.5) + 0.75 * std::log(0.75 / 0.5);
  EXPECT_NEAR(forward_kl(teacher, student, 1).item<double>(), expected, 1e-6);
  EXPECT_EQ(forward_kl(teacher, teacher, 1).item<double>(), 0);
}

TEST(BatchTensors, CountCompletionPositionsOnly) {
  const BatchTensors batch = some_batch();
  EXPECT_EQ(batch.completion.numel(), batch.mask.sum().item<int64_t>());
  EXPECT_EQ(batch.tokens, batch.valid.sum().item<int64_t>());
  // The last target of every sample is <eos>.
  EXPECT_EQ((batch.targets == 2).sum().item<int64_t>(), 4);
}

TEST(Sandwich, ClipsEverySizeOnItsOwnAndAddsUp) {
  const ModelSpec spec = task_spec();
  Weights student = test_models::random_weights(spec, torch::kFloat);
  const Weights teacher = test_models::random_weights(spec, torch::kFloat, 9);
  student.require_gradients();
  const BatchTensors batch = some_batch();
  const Tensor goal = completion_logits(teacher, batch, SizeContext::full()).detach();
  const std::vector<StudentSize> sizes{{"full", SizeContext::full(), 1.0},
                                       {"half", SizeContext::narrow(half(spec)), 0.5}};
  const double clip = 0.1;
  const SandwichResult both = sandwich(student, goal, batch, sizes, {.clip = clip});
  const SandwichResult first = sandwich(student, goal, batch, std::span(sizes).first(1), {.clip = clip});
  const SandwichResult second = sandwich(student, goal, batch, std::span(sizes).last(1), {.clip = clip});
  EXPECT_TRUE(both.sizes[0].clipped && both.sizes[1].clipped);
  EXPECT_NEAR(global_norm(first.gradients), clip, 1e-5);
  EXPECT_NEAR(global_norm(second.gradients), 0.5 * clip, 1e-5);
  for (size_t i = 0; i < both.gradients.size(); ++i)
    EXPECT_TRUE(both.gradients[i].allclose(first.gradients[i] + second.gradients[i], 1e-5, 1e-8));
}

TEST(Sandwich, AFullSizeEqualToItsTeacherHasNothingToLearn) {
  Weights student = test_models::random_weights(task_spec(), torch::kFloat);
  const BatchTensors batch = some_batch();
  const Tensor goal = completion_logits(student, batch, SizeContext::full()).detach();
  student.require_gradients();
  const std::vector<StudentSize> sizes{{"full", SizeContext::full()}};
  const SandwichResult result = sandwich(student, goal, batch, sizes, {});
  EXPECT_NEAR(result.sizes[0].kl, 0, 1e-6);
  EXPECT_LT(result.sizes[0].gradient_norm, 1e-5);
  for (const SizeResult& size : result.sizes) EXPECT_TRUE(size.finite());
  EXPECT_NEAR(result.sizes[0].cosine, 1, 1e-5);
  EXPECT_LT(result.sizes[1].cosine, 0.999);
  EXPECT_GT(result.sizes[1].cosine, -1);
  for (const SizeResult& size : result.sizes) EXPECT_GE(size.worst_load, 1);
}

TEST(Sandwich, CrossEntropyTakesItsPartOfTheLoss) {
  const ModelSpec spec = task_spec();
  Weights student = test_models::random_weights(spec, torch::kFloat);
  const Weights teacher = test_models::random_weights(spec, torch::kFloat, 9);
  student.require_gradients();
  const BatchTensors batch = some_batch();
  const Tensor goal = completion_logits(teacher, batch, SizeContext::full()).detach();
  const std::vector<StudentSize> sizes{{"half", SizeContext::narrow(half(spec))}};
  const auto gradients = [&](double part) {
    return sandwich(student, goal, batch, sizes, {.clip = 1e9, .cross_entropy = part}).gradients;
  };
  const Tensor text_loss =
      cross_entropy(completion_logits(student, batch, sizes[0].context), batch.targets, batch.positions);
  const std::vector<Tensor> of_text = torch::autograd::grad({text_loss}, student.trained(), {}, false, false, true);
  const std::vector<Tensor> none = gradients(0), quarter = gradients(0.25), all = gradients(1);
  for (size_t i = 0; i < all.size(); ++i) {
    if (of_text[i].defined()) {
      EXPECT_TRUE(all[i].allclose(of_text[i], 1e-4, 1e-7));
    }
    EXPECT_TRUE(quarter[i].allclose(0.75 * none[i] + 0.25 * all[i], 1e-4, 1e-6));
  }
}

TEST(LearningRate, WarmsUpThenFollowsACosineToItsEnd) {
  const OptimizerSettings settings{.rate = 1, .final_rate = 0.02, .warm_up = 10};
  EXPECT_DOUBLE_EQ(learning_rate(settings, 0, 110), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate(settings, 9, 110), 1);
  EXPECT_NEAR(learning_rate(settings, 60, 110), 0.51, 1e-12);
  EXPECT_NEAR(learning_rate(settings, 110, 110), 0.02, 1e-12);
}

// Against the update written out in double precision.
TEST(AdamW, FollowsItsEquationsAndDecaysMatricesOnly) {
  const Weights weights = test_models::random_weights(task_spec(), torch::kFloat);
  const Weights before = weights.clone();
  const OptimizerSettings settings{.beta1 = 0.9, .beta2 = 0.98, .epsilon = 1e-8, .weight_decay = 0.1};
  const Ranks alone;
  AdamW optimizer(weights, settings, alone);
  std::vector<std::vector<Tensor>> gradients;
  for (int step = 0; step < 2; ++step) {
    gradients.emplace_back();
    for (const Tensor& parameter : weights.trained()) gradients.back().push_back(torch::randn_like(parameter));
    optimizer.step(gradients.back(), 0.01);
  }
  size_t i = 0;
  for (const Parameter& parameter : before.all()) {
    if (!parameter.trained()) continue;
    const bool matrix = parameter.value.dim() >= 2 && parameter.spec.role != Role::conv_taps;
    Tensor p = parameter.value.to(torch::kDouble), m = torch::zeros_like(p), v = torch::zeros_like(p);
    for (int step = 0; step < 2; ++step) {
      const Tensor g = gradients[size_t(step)][i].to(torch::kDouble);
      p = p * (1 - 0.01 * (matrix ? 0.1 : 0));
      m = 0.9 * m + 0.1 * g;
      v = 0.98 * v + 0.02 * g * g;
      p = p - 0.01 * (m / (1 - std::pow(0.9, step + 1))) / ((v / (1 - std::pow(0.98, step + 1))).sqrt() + 1e-8);
    }
    EXPECT_TRUE(weights.trained()[i].to(torch::kDouble).allclose(p, 1e-5, 1e-6)) << parameter.spec.name;
    ++i;
  }
}

TEST(ExpertBalance, MeasuresLoadWithoutPaddingAndMovesBiasesTowardsTheMean) {
  const ModelSpec spec = task_spec();
  const Weights weights = test_models::random_weights(spec, torch::kFloat), untouched = weights.clone();
  const BatchTensors batch = some_batch();
  ExpertBalance balance(batch);
  completion_logits(weights, batch, SizeContext::full(), &balance);
  EXPECT_GE(balance.worst(), 1);
  EXPECT_GT(balance.loss().item<double>(), 1.5);  // two blocks, about 1 each
  const Tensor before = weights(Role::gate_bias, 1).clone();
  balance.update_biases(weights, 0.25);
  const Tensor moved = weights(Role::gate_bias, 1) - before;
  EXPECT_TRUE((moved.abs().isclose(torch::full({5}, 0.25)) | (moved == 0)).all().item<bool>());
  EXPECT_TRUE((moved > 0).any().item<bool>() && (moved < 0).any().item<bool>());

  // More padding changes nothing.
  BatchTensors padded = batch;
  padded.ids = torch::constant_pad_nd(batch.ids, {0, 8});
  padded.valid = torch::constant_pad_nd(batch.valid, {0, 8});
  ExpertBalance again(padded);
  hidden_states(untouched, padded.ids, SizeContext::full(), &again);
  EXPECT_NEAR(again.worst(), balance.worst(), 1e-6);
}

}  // namespace
}  // namespace starnest::train
