#include "tasks/batch.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "starnest/error.h"
#include "tasks/vocabulary.h"

namespace starnest::tasks {
namespace {

constexpr uint64_t kShuffleStream = 3;  // mix.cc has 1 and 2

}  // namespace

void check(const BatchConfig& config) {
  BatchConfig::fields([&](const char* name, int BatchConfig::* member, const char*) {
    if (config.*member >= 1) return;
    throw Error({.where = "batching: " + in_quotes(name),
                 .what = "out of range",
                 .expected = "at least 1",
                 .got = std::to_string(config.*member)});
  });
}

SampleBatch make_batch(std::span<const TokenSample> samples, int pad_multiple) {
  SN_CHECK(!samples.empty() && pad_multiple >= 1, "a batch has at least one row");
  size_t longest = 0;
  for (const TokenSample& sample : samples) longest = std::max(longest, sample.ids.size());
  const size_t multiple = size_t(pad_multiple);
  const size_t T = (longest + multiple - 1) / multiple * multiple;
  SampleBatch batch{.rows = int64_t(samples.size()),
                    .tokens = int64_t(T),
                    .ids = std::vector<int64_t>(samples.size() * T, kPad),
                    .targets = std::vector<int64_t>(samples.size() * T, kPad),
                    .mask = std::vector<float>(samples.size() * T, 0.0f),
                    .lengths = {},
                    .completion_starts = {},
                    .answer_starts = {}};
  for (size_t b = 0; b < samples.size(); ++b) {
    const TokenSample& sample = samples[b];
    for (size_t t = 0; t < sample.ids.size(); ++t) {
      batch.ids[b * T + t] = sample.ids[t];
      if (t == 0) continue;
      batch.targets[b * T + t - 1] = sample.ids[t];
      batch.mask[b * T + t - 1] = t >= sample.completion_start ? 1.0f : 0.0f;
    }
    batch.lengths.push_back(int64_t(sample.ids.size()));
    batch.completion_starts.push_back(int64_t(sample.completion_start));
    batch.answer_starts.push_back(int64_t(sample.answer_start));
  }
  return batch;
}

BatchStream::BatchStream(MixConfig mix, BatchConfig config, Run run)
    : mix_(std::move(mix)), config_(config), run_(run) {
  check(mix_);
  check(config_);
}

const SampleBatch& BatchStream::at(uint64_t index) {
  const uint64_t group = index / uint64_t(config_.group);
  if (batches_.empty() || group != held_) draw_group(group);
  return batches_[index % uint64_t(config_.group)];
}

void BatchStream::draw_group(uint64_t group) {
  const size_t rows = size_t(config_.rows), count = rows * size_t(config_.group);
  const double first_batch = double(group) * config_.group;
  const double progress = std::min(1.0, first_batch / double(std::max<uint64_t>(1, run_.total_batches)));
  std::vector<TokenSample> samples;
  for (size_t i = 0; i < count; ++i) {
    samples.push_back(tokens(draw(mix_, run_.split, run_.seed, group * count + i, progress)));
  }
  std::stable_sort(samples.begin(), samples.end(),
                   [](const TokenSample& a, const TokenSample& b) { return a.ids.size() < b.ids.size(); });
  batches_.clear();
  for (size_t first = 0; first < count; first += rows) {
    batches_.push_back(make_batch(std::span(samples).subspan(first, rows), config_.pad_multiple));
  }
  Rng rng(key_of(run_.seed, kShuffleStream, group));
  shuffle(batches_, rng);
  held_ = group;
}

}  // namespace starnest::tasks
