// Likelihoods of the engine against cross entropies of the training twin.
#include "eval/likelihood.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "arch/family_spec.h"
#include "base/test_support.h"
#include "train/modules/model.h"
#include "train/modules/parameters_io.h"

namespace starnest::train {
namespace {

const std::filesystem::path kPocket = std::filesystem::path(STARNEST_SOURCE_DIR) / "models" / "pocket";
constexpr TokenId kBos = 1;  // of its vocabulary

double twin_log_likelihood(const Parameters& weights, const SizeContext& size, const std::vector<TokenId>& ids) {
  const torch::NoGradGuard no_gradients;
  const Tensor all = torch::tensor(std::vector<int64_t>(ids.begin(), ids.end()));
  const Tensor log_p = torch::log_softmax(logits(weights, all.unsqueeze(0), size).squeeze(0), -1);
  const int64_t T = all.size(0);
  return log_p.narrow(0, 0, T - 1).gather(1, all.narrow(0, 1, T - 1).unsqueeze(1)).sum().item<double>();
}

TEST(Likelihood, EqualsThatOfTheTwinAtEverySize) {
  const FamilySpec spec = read_family(kPocket);
  const Parameters weights = read_weights(kPocket, spec.spec);
  const starnest::Family family = starnest::Family::open(kPocket, {.threads = 1});
  const std::vector<std::vector<TokenId>> sequences{{1, 25, 50, 34}, {1}, {1, 25, 50, 8, 39, 44, 9, 37, 55}};
  for (const Size& size : spec.sizes.ascending()) {
    const std::vector<double> sums = log_likelihoods(family, size.name, sequences, /*parallel=*/2);
    ASSERT_EQ(sums.size(), 3u);
    EXPECT_EQ(sums[1], 0);
    for (const size_t i : {0, 2})
      EXPECT_NEAR(sums[i], twin_log_likelihood(weights, SizeContext::narrow(size.widths), sequences[i]), 1e-3);
  }
}

TEST(Likelihood, TextIsReadInWindowsAfterTheStart) {
  const TestFolder folder;
  const starnest::Family family = starnest::Family::open(kPocket, {.threads = 1});
  const auto file = folder.write("text.txt", "r:a5b+3?");  // 8 tokens
  const std::vector<std::vector<TokenId>> windows{{1, 25, 50, 8, 39, 9}, {1, 44, 37, 54}};
  double expected = 0;
  for (const double sum : log_likelihoods(family, "small", windows, 1)) expected += sum;
  const TextLikelihood result = text_likelihood(family, "small", read_windows(family, file, kBos, 5), 4);
  EXPECT_EQ(result.tokens, 8u);
  EXPECT_EQ(result.bytes, 8u);
  EXPECT_NEAR(result.log_likelihood, expected, 1e-6);
}

// Against the twin's softmax, and in chunks as large vocabularies need them.
TEST(Likelihood, DivergenceFromAnotherSizeIsThatOfTheTwin) {
  const TestFolder folder;
  const FamilySpec spec = read_family(kPocket);
  const Parameters weights = read_weights(kPocket, spec.spec);
  const starnest::Family family = starnest::Family::open(kPocket, {.threads = 1});
  const auto file = folder.write("text.txt", "r:a5b+3c*7");
  const torch::NoGradGuard no_gradients;
  const Tensor ids = torch::tensor(std::vector<int64_t>{1, 25, 50, 8, 39, 9, 44, 37, 10, 46}).unsqueeze(0);
  const auto log_p = [&](size_t size) {
    return torch::log_softmax(logits(weights, ids, SizeContext::narrow(spec.sizes.at(size).widths)).squeeze(0), -1);
  };
  const Tensor p = log_p(spec.sizes.largest()), q = log_p(1);
  const TextWindows text = read_windows(family, file, kBos, /*window=*/64);
  const TextDivergence result = text_divergence({family, "small"}, {family, "large"}, text, 4);
  EXPECT_EQ(text.tokens, 10u);
  EXPECT_NEAR(result.mean, (p.exp() * (p - q)).sum(-1).mean().item<double>(), 1e-4);
  EXPECT_NEAR(result.same_choice, p.argmax(-1).eq(q.argmax(-1)).to(torch::kDouble).mean().item<double>(), 1e-9);
  EXPECT_NEAR(text_divergence({family, "large"}, {family, "large"}, text, 4).mean, 0, 1e-9);
}

TEST(Likelihood, WhatSequencesShareIsReadOnce) {
  const starnest::Family family = starnest::Family::open(kPocket, {.threads = 1});
  const std::vector<std::vector<TokenId>> texts{{1, 25, 50, 8, 39}, {1, 25, 50, 9, 44, 37}, {1, 25, 50}};
  const std::vector<std::vector<TokenId>> prefix{{1, 25, 50}};
  const double shared = log_likelihoods(family, "medium", prefix, 1)[0];
  const std::vector<double> whole = log_likelihoods(family, "medium", texts, 3);
  const std::vector<double> after = log_likelihoods_after(family, "medium", texts, 3);
  for (size_t i = 0; i < texts.size(); ++i) EXPECT_NEAR(after[i], whole[i] - shared, 1e-5);
}

TEST(Likelihood, APairIsRightWhenTheGoodSentenceIsLikelier) {
  const TestFolder folder;
  const starnest::Family family = starnest::Family::open(kPocket, {.threads = 1});
  const auto file =
      folder.write("pairs.tsv",
                   "paradigm\tgood\tbad\n"
                   "sums\tr:a5b+3?<e2><think>a5;b+38;</think>8<eos>\tr:a5b+3?<e2><think>a5;b+37;</think>7<eos>\n"
                   "sums\tr:a5b+3?<e2><think>a5;b+37;</think>7<eos>\tr:a5b+3?<e2><think>a5;b+38;</think>8<eos>\n");
  const auto pairs = read_minimal_pairs(file);
  EXPECT_EQ(pairs[0].paradigm, "sums");
  EXPECT_EQ(prefers_good(family, "small", pairs, kBos, 8), (std::vector<bool>{true, false}));
}

}  // namespace
}  // namespace starnest::train
