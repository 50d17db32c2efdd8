#include "train/distill/dev_metric.h"

#include <algorithm>

#include "train/distill/losses.h"

namespace starnest::train {
namespace {

struct Way {
  const char* name;
  tasks::Effort effort;
  int steps_cut;
};
constexpr Way kWays[] = {{"long", tasks::Effort::full, 0},
                         {"terse", tasks::Effort::terse, 0},
                         {"none", tasks::Effort::none, 0},
                         {"cut", tasks::Effort::full, 1}};
constexpr size_t kRows = 100;
constexpr int kPadMultiple = 8;

// Rows of similar length together, so that little is padded.
DevSet make_set(const std::string& family, const std::vector<tasks::Problem>& problems, const Way& way) {
  std::vector<tasks::TokenSample> samples;
  for (const tasks::Problem& problem : problems)
    samples.push_back(tasks::tokens(tasks::make_sample(problem, way.effort, way.steps_cut)));
  std::stable_sort(samples.begin(), samples.end(),
                   [](const auto& a, const auto& b) { return a.ids.size() < b.ids.size(); });
  DevSet set{family, way.name, {}, {}};
  for (size_t first = 0; first < samples.size(); first += kRows) {
    const size_t rows = std::min(kRows, samples.size() - first);
    set.batches.push_back(to_tensors(tasks::make_batch(std::span(samples).subspan(first, rows), kPadMultiple)));
  }
  return set;
}

// [R, T]: false where these logits [n, V] predict a completion token wrongly.
Tensor is_right(const Tensor& logits, const BatchTensors& batch) {
  return torch::ones({batch.ids.numel()}, torch::dtype(torch::kBool))
      .index_copy(0, batch.completion, logits.argmax(-1).eq(batch.targets))
      .view_as(batch.ids);
}

}  // namespace

std::vector<DevSet> dev_sets(const std::vector<std::string>& families, tasks::Split split, size_t problems,
                             uint64_t seed, tasks::KRange limits) {
  const size_t each = (problems + families.size() - 1) / families.size();
  std::vector<DevSet> sets;
  for (const std::string& family : families) {
    const tasks::FamilyInfo& info = tasks::family_named(family).info();
    const tasks::KRange k{std::max(limits.low ? limits.low : info.train_k.low, info.first_split_k),
                          limits.high ? limits.high : info.train_k.high};
    const std::vector<tasks::Problem> drawn = tasks::test_set(family, split, each, seed, k);
    for (const Way& way : kWays) sets.push_back(make_set(family, drawn, way));
  }
  return sets;
}

void set_goals(DevSet& set, const Weights& teacher) {
  const torch::NoGradGuard no_gradients;
  set.goals.clear();
  for (const BatchTensors& batch : set.batches)
    set.goals.push_back(measured_logits(teacher, batch, SizeContext::full()));
}

Accuracy accuracy(const Weights& weights, const SizeContext& size, const DevSet& set) {
  const torch::NoGradGuard no_gradients;
  double rows = 0, positions = 0;
  Accuracy sums;
  for (size_t b = 0; b < set.batches.size(); ++b) {
    const BatchTensors& batch = set.batches[b];
    const Tensor logits = measured_logits(weights, batch, size);
    const Tensor right = is_right(logits, batch);
    const Tensor in_answer = torch::arange(right.size(1)).unsqueeze(0) >= batch.answers;
    sums.whole += right.all(1).sum().item<double>();
    sums.trace += (right | in_answer).all(1).sum().item<double>();
    sums.answer += (right | ~in_answer).all(1).sum().item<double>();
    if (!set.goals.empty()) sums.kl += forward_kl(set.goals[b], logits, 1).item<double>();
    rows += double(right.size(0));
    positions += double(batch.completion.numel());
  }
  return {sums.whole / rows, sums.trace / rows, sums.answer / rows, sums.kl / positions};
}

}  // namespace starnest::train
