#include "tasks/mix.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <unordered_set>

#include "base/text.h"
#include "starnest/error.h"

namespace starnest::tasks {
namespace {

// Apart from one another, so that a test set never replays the training stream of the same seed.
constexpr uint64_t kSampleStream = 1;
constexpr uint64_t kTestSetStream = 2;

// A split holds 1/50 of the problems: missing one for so many draws means that (nearly) all have been seen.
constexpr int kMostTries = 50'000;

void require(bool holds, std::string_view field, std::string expected, std::string got) {
  if (holds) return;
  throw Error({.where = "mix: " + in_quotes(field),
               .what = "out of range",
               .expected = std::move(expected),
               .got = std::move(got)});
}

void require_share(double share, std::string_view field) {
  require(share >= 0 && std::isfinite(share), field, "a share of at least 0", format_number("%g", share));
}

void require_part(double part, std::string_view field) {
  require(part >= 0 && part <= 1, field, "a number from 0 to 1", format_number("%g", part));
}

std::string shown(KRange k) { return std::to_string(k.low) + " to " + std::to_string(k.high); }

void require_k(const Task& task, KRange k, const std::string& where) {
  const KRange possible = task.info().possible_k;
  if (possible.low <= k.low && k.low <= k.high && k.high <= possible.high) return;
  throw Error({.where = where,
               .what = "task " + in_quotes(task.info().name) + " has no such range of k",
               .expected = "a range within " + shown(possible),
               .got = shown(k)});
}

KRange whole_range(const MixConfig& mix, const Task& task) {
  const KRange own = task.info().train_k;
  return {mix.k_low == 0 ? own.low : mix.k_low, mix.k_high == 0 ? own.high : mix.k_high};
}

Effort draw_effort(const MixConfig& mix, Rng& rng) {
  const double at = rng.uniform() * (mix.none + mix.terse + mix.full);
  if (at < mix.none) return Effort::none;
  return at < mix.none + mix.terse ? Effort::terse : Effort::full;
}

// A problem of `split` that is not in `seen`, or nothing after kMostTries.
std::optional<Problem> draw_problem(const Task& task, int k, Split split, Rng& rng,
                                    const std::unordered_set<std::string>& seen) {
  for (int i = 0; i < kMostTries; ++i) {
    Problem problem{.task = task.info().name, .body = task.draw_body(rng, k), .k = k};
    if (in_split(problem, split) && !seen.contains(problem.body)) return problem;
  }
  return std::nullopt;
}

[[noreturn]] void too_few(const Task& task, Split split, KRange k, size_t wanted, size_t found) {
  throw Error({.where = "test set of task " + in_quotes(task.info().name),
               .what = "too few problems in split " + in_quotes(name_of(split)) + " with k from " + shown(k),
               .expected = grouped(wanted),
               .got = grouped(found),
               .hint = "Ask for fewer, or for larger k"});
}

}  // namespace

void check(const MixConfig& mix) {
  require(!mix.tasks.empty(), "tasks", "at least one task", "none");
  require_share(mix.none, "none");
  require_share(mix.terse, "terse");
  require_share(mix.full, "full");
  require(mix.none + mix.terse + mix.full > 0, "full", "at least one share above 0", "none");
  require_part(mix.cut, "cut");
  require(mix.cut_steps >= 1, "cut_steps", "at least 1", std::to_string(mix.cut_steps));
  require_part(mix.short_share, "short_share");
  require_part(mix.lowest_share, "lowest_share");
  require_part(mix.growth, "growth");
  for (const std::string& name : mix.tasks) {
    const Task& task = task_named(name);
    require_k(task, whole_range(mix, task), "mix: 'k_low' and 'k_high'");
  }
}

KRange k_range(const MixConfig& mix, const Task& task, double progress) {
  const KRange range = whole_range(mix, task);
  const double grown = mix.growth > 0 ? std::clamp(progress / mix.growth, 0.0, 1.0) : 1.0;
  // The small term keeps a quotient such as 0.2 / 0.4 * 10 from ending just below a whole number.
  return {range.low, range.low + int(grown * (range.high - range.low) + 1e-9)};
}

Sample draw(const MixConfig& mix, Split split, uint64_t seed, uint64_t index, double progress) {
  check(mix);
  Rng rng(key_of(seed, kSampleStream, index));
  const Task& task = task_named(mix.tasks[rng.below(mix.tasks.size())]);
  const Effort effort = draw_effort(mix, rng);
  KRange range = k_range(mix, task, progress);
  if (mix.short_share > 0 && rng.uniform() < mix.short_share) range.high = (range.low + range.high) / 2;
  if (mix.lowest_share > 0 && rng.uniform() < mix.lowest_share) range.high = range.low;
  const int k = rng.between(range.low, range.high);
  const bool stops_early = effort != Effort::none && rng.uniform() < mix.cut;
  const int steps_cut = stops_early ? rng.between(1, mix.cut_steps) : 0;
  const std::optional<Problem> problem = draw_problem(task, k, split, rng, {});
  if (!problem) too_few(task, split, {k, k}, 1, 0);
  return make_sample(*problem, effort, steps_cut);
}

std::vector<Problem> test_set(std::string_view name, Split split, size_t n, uint64_t seed, KRange k) {
  const Task& task = task_named(name);
  require_k(task, k, "test set");
  std::vector<int> open(size_t(k.high - k.low + 1));  // the k that still have unseen problems
  std::iota(open.begin(), open.end(), k.low);
  Rng rng(key_of(seed, kTestSetStream));
  std::unordered_set<std::string> seen;
  std::vector<Problem> problems;
  for (size_t turn = 0; problems.size() < n; ++turn) {
    if (open.empty()) too_few(task, split, k, n, problems.size());
    const size_t slot = turn % open.size();
    std::optional<Problem> problem = draw_problem(task, open[slot], split, rng, seen);
    if (problem) {
      seen.insert(problem->body);
      problems.push_back(std::move(*problem));
    } else {
      open.erase(open.begin() + std::ptrdiff_t(slot));
    }
  }
  return problems;
}

}  // namespace starnest::tasks
