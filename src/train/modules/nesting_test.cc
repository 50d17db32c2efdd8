// The equalities that all of elastic training rests on: masked == narrow == sliced, for values and gradients.
#include <gtest/gtest.h>

#include "train/modules/model.h"
#include "train/modules/test_models.h"

namespace starnest::train {
namespace {

using test_models::random_weights;
using test_models::small_spec;
using test_models::some_ids;

Widths with(Widths widths, Axis axis, int width) {
  if (axis == Axis::hidden)
    widths.set_hidden(width);
  else
    for (BlockWidths& block : widths.blocks)
      if (block[axis] != 0) block[axis] = width;
  return widths;
}

struct Choice {
  Axis axis;
  std::vector<int> widths;  // below full
};
const std::vector<Choice> kChoices{
    {Axis::hidden, {32, 16}}, {Axis::ffn, {24, 16}},       {Axis::moe_ffn, {16, 8}},       {Axis::shared_ffn, {16, 8}},
    {Axis::experts, {4, 2}},  {Axis::mamba_heads, {4, 2}}, {Axis::mamba_head_dim, {6, 4}}, {Axis::query_heads, {4, 2}}};

// Each axis alone at each width, pairs of axes, everything at once, dropped blocks, and a width per block.
std::vector<Widths> many_sizes(const ModelSpec& spec) {
  const Widths full = full_widths(spec);
  std::vector<Widths> sizes;
  Widths all = full;
  for (size_t a = 0; a < kChoices.size(); ++a) {
    for (const int width : kChoices[a].widths) sizes.push_back(with(full, kChoices[a].axis, width));
    const Choice& next = kChoices[(a + 1) % kChoices.size()];
    sizes.push_back(with(sizes.back(), next.axis, next.widths[0]));
    all = with(all, kChoices[a].axis, kChoices[a].widths[a % 2]);
  }
  sizes.push_back(all);
  for (const size_t dropped : {0, 1, 2, 3}) {
    sizes.push_back(dropped % 2 ? all : full);
    sizes.back().blocks[dropped].kept = false;
  }
  sizes.push_back(full);
  sizes.back().blocks[1][Axis::moe_ffn] = 8;
  sizes.back().blocks[4][Axis::mamba_heads] = 2;
  return sizes;
}

double relative_error(const Tensor& a, const Tensor& b) {
  const double scale = b.abs().max().item<double>();
  return (a - b).abs().max().item<double>() / std::max(scale, 1e-30);
}

struct Outcome {
  Tensor logits;
  std::vector<Tensor> gradients;  // of trained(), zeros where nothing arrives
};

Outcome run(const Parameters& source, const SizeContext& size) {
  Parameters weights = source.clone();
  weights.require_gradients();
  Outcome out{logits(weights, some_ids(), size), {}};
  torch::manual_seed(5);
  (out.logits * torch::randn_like(out.logits)).sum().backward();
  for (const Tensor& parameter : weights.trained())
    out.gradients.push_back(parameter.grad().defined() ? parameter.grad() : torch::zeros_like(parameter));
  return out;
}

class Nesting : public testing::TestWithParam<bool> {};

TEST_P(Nesting, MaskedAndNarrowEqualTheSlicedModel) {
  const ModelSpec spec = small_spec(/*bias=*/GetParam());
  const Parameters weights = random_weights(spec, torch::kDouble);
  for (const Widths& widths : many_sizes(spec)) {
    const Outcome sliced = run(test_models::sliced(weights, widths), SizeContext::full());
    const Outcome narrow = run(weights, SizeContext::narrow(widths));
    const Outcome masked = run(weights, SizeContext::masked(spec, widths, torch::kDouble));
    EXPECT_LT(relative_error(narrow.logits, sliced.logits), 1e-10);
    EXPECT_LT(relative_error(masked.logits, sliced.logits), 1e-10);

    size_t i = 0, small = 0;
    for (const Parameter& parameter : weights.all()) {
      if (!parameter.trained()) continue;
      const bool kept = widths.at(parameter.spec.block).kept;
      const Tensor expected =
          kept ? test_models::spread(sliced.gradients[small], parameter, widths.at(parameter.spec.block))
               : torch::zeros_like(parameter.value);
      EXPECT_LT(relative_error(narrow.gradients[i], expected), 1e-9) << parameter.spec.name;
      EXPECT_LT(relative_error(masked.gradients[i], expected), 1e-9) << parameter.spec.name;
      small += kept;
      ++i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutBiases, Nesting, testing::Bool());

TEST(Nesting, SinglePrecisionAgreesToRounding) {
  const ModelSpec spec = small_spec();
  const Parameters weights = random_weights(spec, torch::kFloat);
  const torch::NoGradGuard no_gradients;
  for (const Widths& widths : many_sizes(spec)) {
    const Tensor narrow = logits(weights, some_ids(), SizeContext::narrow(widths));
    const Tensor masked = logits(weights, some_ids(), SizeContext::masked(spec, widths));
    EXPECT_LT(relative_error(masked, narrow), 1e-5);
  }
}

TEST(Nesting, TheFullSizeIsTheUntouchedModelBitForBit) {
  const ModelSpec spec = small_spec();
  const Parameters weights = random_weights(spec, torch::kFloat);
  const Outcome untouched = run(weights, SizeContext::full());
  for (const SizeContext& size :
       {SizeContext::narrow(full_widths(spec)), SizeContext::masked(spec, full_widths(spec))}) {
    const Outcome same = run(weights, size);
    EXPECT_TRUE(same.logits.equal(untouched.logits));
    for (size_t i = 0; i < same.gradients.size(); ++i) EXPECT_TRUE(same.gradients[i].equal(untouched.gradients[i]));
  }
}

TEST(Nesting, TensorsOfASmallerSizeAreContainedInThoseOfALargerOne) {
  const ModelSpec spec = small_spec();
  const Parameters weights = random_weights(spec, torch::kFloat);
  Widths mid = full_widths(spec), small = mid;
  for (const Choice& choice : kChoices) {
    mid = with(mid, choice.axis, choice.widths[0]);
    small = with(small, choice.axis, choice.widths[1]);
  }
  const Parameters once = test_models::sliced(weights, small);
  // The slice of the mid model: mid's spec is full there.
  const Parameters twice = test_models::sliced(test_models::sliced(weights, mid), small);
  for (size_t i = 0; i < once.all().size(); ++i) EXPECT_TRUE(once.all()[i].value.equal(twice.all()[i].value));
}

// What masks prevent: without the mask where values are written, the residual stream beyond the kept channels carries
// the token embedding into the final norm and the logits.
TEST(Nesting, WithoutTheWriteMaskTheMaskedModelIsNotTheSlice) {
  const ModelSpec spec = small_spec();
  const Parameters weights = random_weights(spec, torch::kDouble);
  const Widths widths = with(full_widths(spec), Axis::hidden, 32);
  const SizeContext masked = SizeContext::masked(spec, widths, torch::kDouble);
  std::vector<BlockMasks> blocks;
  for (int b = 0; b < int(spec.blocks.size()); ++b) blocks.push_back(masked.masks(b));
  AxisMask unmasked = masked.hidden();
  unmasked.mask = torch::ones_like(unmasked.mask);
  const torch::NoGradGuard no_gradients;
  const Tensor expected = logits(weights, some_ids(), SizeContext::narrow(widths));
  const Tensor got = logits(weights, some_ids(), SizeContext::soft(unmasked, std::move(blocks)));
  EXPECT_GT(relative_error(got, expected), 0.01);
}

}  // namespace
}  // namespace starnest::train
