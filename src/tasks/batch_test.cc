#include "tasks/batch.h"

#include <algorithm>
#include <numeric>
#include <set>

#include <gtest/gtest.h>

#include "starnest/error.h"
#include "tasks/vocabulary.h"

namespace starnest::tasks {
namespace {

TEST(SampleBatch, MasksExactlyThePositionsThatPredictTheCompletion) {
  // index      0    12345678 9   10    11 12       13 14
  //            <bos>r:a5b+3? <e0><think>  </think> 8  <eos>
  const TokenSample none = tokens(make_sample({.task = "r", .body = "a5b+3", .k = 1}, Effort::none));
  const TokenSample terse = tokens(make_sample({.task = "r", .body = "a5b+3", .k = 1}, Effort::terse));  // + a5;b8;
  ASSERT_EQ(none.ids.size(), 14u);
  ASSERT_EQ(terse.ids.size(), 20u);
  const SampleBatch batch = make_batch(std::vector{none, terse}, 8);
  EXPECT_EQ(batch.rows, 2);
  EXPECT_EQ(batch.tokens, 24);
  EXPECT_EQ(batch.lengths, (std::vector<int64_t>{14, 20}));
  EXPECT_EQ(batch.completion_starts, (std::vector<int64_t>{11, 11}));
  EXPECT_EQ(batch.answer_starts, (std::vector<int64_t>{12, 18}));
  for (int64_t b = 0; b < 2; ++b) {
    const std::vector<TokenId>& ids = (b == 0 ? none : terse).ids;
    for (int64_t t = 0; t < 24; ++t) {
      const size_t at = size_t(b * 24 + t);
      const auto id_at = [&](int64_t i) { return i < int64_t(ids.size()) ? int64_t(ids[size_t(i)]) : int64_t(kPad); };
      EXPECT_EQ(batch.ids[at], id_at(t));
      EXPECT_EQ(batch.targets[at], id_at(t + 1));
      EXPECT_EQ(batch.mask[at], t >= 10 && t + 1 < int64_t(ids.size()) ? 1.0f : 0.0f) << b << ", " << t;
    }
  }
  EXPECT_EQ(batch.ids[10], kThink);
  EXPECT_EQ(batch.targets[10], kEndThink);  // e0: closing at once is learned too
  EXPECT_EQ(batch.targets[12], kEos);
}

TEST(SampleBatch, LengthIsPaddedToAMultipleAndNoFurther) {
  const TokenSample sample = tokens(make_sample({.task = "r", .body = "a5b+3", .k = 1}, Effort::none));
  EXPECT_EQ(make_batch(std::vector{sample}, 1).tokens, 14);
  EXPECT_EQ(make_batch(std::vector{sample}, 7).tokens, 14);
  EXPECT_EQ(make_batch(std::vector{sample}, 8).tokens, 16);
}

double padding(const BatchStream::Run& run, BatchConfig config) {
  BatchStream stream({}, config, run);
  int64_t used = 0, all = 0;
  for (uint64_t i = 0; i < 16; ++i) {
    const SampleBatch& batch = stream.at(160 + i);
    used += std::accumulate(batch.lengths.begin(), batch.lengths.end(), int64_t{0});
    all += batch.rows * batch.tokens;
  }
  return 1.0 - double(used) / double(all);
}

TEST(BatchStream, SortingByLengthKeepsPaddingSmall) {
  const BatchStream::Run run{.split = Split::train, .seed = 1, .total_batches = 100};
  EXPECT_LT(padding(run, {}), 0.12);
  EXPECT_GT(padding(run, {.group = 1}), 0.25);
}

TEST(BatchStream, AGroupHoldsEverySampleOnceInShuffledOrder) {
  const BatchConfig config{.rows = 4, .group = 8, .pad_multiple = 8};
  BatchStream stream({}, config, {.split = Split::train, .seed = 3, .total_batches = 10});
  std::multiset<std::vector<int64_t>> found, expected;
  std::vector<int64_t> widths;
  for (uint64_t i = 16; i < 24; ++i) {  // the third group, drawn at full progress
    const SampleBatch& batch = stream.at(i);
    EXPECT_EQ(batch.rows, 4);
    EXPECT_EQ(batch.tokens % 8, 0);
    widths.push_back(batch.tokens);
    for (int64_t b = 0; b < batch.rows; ++b) {
      const auto row = batch.ids.begin() + b * batch.tokens;
      found.insert({row, row + batch.lengths[size_t(b)]});
    }
  }
  for (uint64_t i = 64; i < 96; ++i) {
    const TokenSample sample = tokens(draw({}, Split::train, 3, i, 1.0));
    expected.insert({sample.ids.begin(), sample.ids.end()});
  }
  EXPECT_EQ(found, expected);
  EXPECT_FALSE(std::is_sorted(widths.begin(), widths.end()));
}

TEST(BatchStream, ABatchIsTheSameWhenARunIsResumed) {
  const BatchStream::Run run{.split = Split::train, .seed = 4, .total_batches = 200};
  BatchStream whole({}, {}, run), resumed({}, {}, run);
  for (uint64_t i = 0; i < 100; ++i) whole.at(i);
  EXPECT_EQ(whole.at(101).ids, resumed.at(101).ids);
  EXPECT_EQ(whole.at(7).ids, resumed.at(7).ids);
  EXPECT_NE(whole.at(7).ids, whole.at(8).ids);
}

TEST(BatchStream, EarlyBatchesAreEasy) {
  BatchStream stream({}, {}, {.split = Split::train, .seed = 5, .total_batches = 1000});
  EXPECT_EQ(stream.at(0).tokens, 24);  // k = 1 only: at most 21 tokens
  EXPECT_GE(stream.at(999).tokens, 24);
}

TEST(BatchStream, ASettingOutOfRangeIsNamed) {
  try {
    BatchStream({}, {.rows = 0}, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.parts().where, "batching: 'rows'");
  }
  EXPECT_THROW(BatchStream({.cut = 2}, {}, {}), Error);
}

}  // namespace
}  // namespace starnest::tasks
