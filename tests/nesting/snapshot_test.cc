// Going back, going on in another batch, and changing what is resident: none of it changes a bit.
#include <gtest/gtest.h>

#include "engine/snapshots.h"
#include "golden.h"
#include "starnest/error.h"

namespace starnest {
namespace {

class Resumed : public testing::TestWithParam<std::string> {
 protected:
  FamilySpec family = read_family(golden::folder(GetParam()));
  std::vector<TokenId> ids = golden::read(GetParam(), "full").ids;
  Engine engine{family, {.threads = 2}};

  // A text longer than one block of keys and values.
  std::vector<TokenId> long_text(size_t tokens) const {
    std::vector<TokenId> text;
    while (text.size() < tokens) text.push_back(ids[text.size() * 7 % ids.size()]);
    return text;
  }

  // Reads tokens and returns the logits of the last one.
  std::vector<float> read(Sequence& sequence, std::span<const TokenId> tokens) {
    BatchItem item{&sequence, tokens, Want::last, {}};
    engine.step({&item, 1});
    return {item.logits.row(0), item.logits.row(0) + item.logits.cols};
  }
};

TEST_P(Resumed, AForkGoesOnAsTheOriginalWould) {
  const std::vector<TokenId> text = long_text(150);
  for (size_t size = 1; size <= engine.resident(); ++size)
    for (const size_t cut : {1, 63, 64, 65, 128, 149}) {
      Sequence whole = engine.start(size), first = engine.start(size);
      const auto expected = read(whole, text);
      read(first, std::span(text).first(cut));
      Sequence fork = first.fork();
      read(first, std::vector<TokenId>(40, text[1]));  // the original goes another way and must not be seen
      EXPECT_TRUE(golden::same_bits(read(fork, std::span(text).subspan(cut)), expected)) << cut;
    }
}

TEST_P(Resumed, TheLongestSnapshotOfATextIsRestoredWithItsBits) {
  const std::vector<TokenId> text = long_text(100);
  Snapshots snapshots(uint64_t{1} << 30);
  for (size_t size = 1; size <= engine.resident(); ++size) {
    Sequence sequence = engine.start(size);
    for (const size_t upto : {20, 70, 90}) {
      read(sequence, std::span(text).subspan(sequence.position(), upto - sequence.position()));
      snapshots.keep(std::span(text).first(upto), sequence);
    }
  }
  EXPECT_EQ(snapshots.count(), 3 * engine.resident());
  for (size_t size = 1; size <= engine.resident(); ++size) {
    std::vector<TokenId> diverging(text.begin(), text.begin() + 80);
    diverging.push_back(text[0]);
    auto restored = snapshots.longest_prefix(size, diverging);
    ASSERT_TRUE(restored);
    EXPECT_EQ(restored->position(), 70u);
    EXPECT_EQ(restored->size(), size);
    Sequence fresh = engine.start(size);
    EXPECT_TRUE(golden::same_bits(read(*restored, std::span(diverging).subspan(70)), read(fresh, diverging)));
    EXPECT_FALSE(snapshots.longest_prefix(size, std::span(text).first(20))) << "one token must be left to read";
  }
}

TEST_P(Resumed, TheLeastRecentlyUsedSnapshotGoesFirst) {
  const std::vector<TokenId> text = long_text(64 * 3);
  const size_t smallest = 1;
  Sequence sequence = engine.start(smallest);
  Snapshots all(uint64_t{1} << 30);
  for (size_t upto = 64; upto <= text.size(); upto += 64) {
    read(sequence, std::span(text).subspan(upto - 64, 64));
    all.keep(std::span(text).first(upto), sequence);
  }
  Snapshots limited(all.bytes() - 1);
  Sequence again = engine.start(smallest);
  for (size_t upto = 64; upto <= text.size(); upto += 64) {
    read(again, std::span(text).subspan(upto - 64, 64));
    limited.keep(std::span(text).first(upto), again);
    EXPECT_LE(limited.bytes(), limited.limit());
    limited.longest_prefix(smallest, std::span(text).first(65));  // keeps the first one in use
  }
  EXPECT_TRUE(limited.holds(smallest, std::span(text).first(64)));
  EXPECT_FALSE(limited.holds(smallest, std::span(text).first(128)));
  EXPECT_TRUE(limited.holds(smallest, text));
}

TEST_P(Resumed, ASnapshotThatIsTooLargeAloneLeavesTheOthers) {
  const std::vector<TokenId> text = long_text(64 * 3);
  const size_t smallest = 1;
  Sequence sequence = engine.start(smallest);
  read(sequence, std::span(text).first(10));
  Snapshots one(uint64_t{1} << 30);
  one.keep(std::span(text).first(10), sequence);
  Snapshots limited(one.bytes());
  limited.keep(std::span(text).first(10), sequence);
  ASSERT_EQ(limited.count(), 1u);
  read(sequence, std::span(text).subspan(10));
  limited.keep(text, sequence);
  EXPECT_EQ(limited.count(), 1u);
  EXPECT_TRUE(limited.holds(smallest, std::span(text).first(10)));
  EXPECT_FALSE(limited.holds(smallest, text));
}

TEST_P(Resumed, DecodingInAMixedBatchGivesTheBitsOfDecodingAlone) {
  std::vector<std::vector<float>> expected;
  std::vector<Sequence> sequences;
  for (size_t size = 1; size <= engine.resident(); ++size) {
    expected.push_back(golden::logits_of(engine, engine.name_of(size), ids, 1));
    sequences.push_back(engine.start(size));
  }
  std::vector<std::vector<float>> together(sequences.size());
  for (size_t t = 0; t < ids.size(); ++t) {
    std::vector<BatchItem> batch;
    for (size_t i = sequences.size(); i-- > 0;)  // smallest first: the order of the items does not matter
      batch.push_back({&sequences[i], std::span(ids).subspan(t, 1), Want::last, {}});
    engine.step(batch);
    for (size_t i = 0; i < batch.size(); ++i) {
      const auto& logits = batch[batch.size() - 1 - i].logits;
      together[i].insert(together[i].end(), logits.row(0), logits.row(0) + logits.cols);
    }
  }
  for (size_t i = 0; i < sequences.size(); ++i) EXPECT_TRUE(golden::same_bits(together[i], expected[i])) << i;
}

TEST_P(Resumed, SizesComeAndGoWhileAnotherOneRuns) {
  const std::string small = engine.name_of(1), full = engine.name_of(engine.resident());
  const auto expected_small = golden::logits_of(engine, small, ids),
             expected_full = golden::logits_of(engine, full, ids);
  const uint64_t all = engine.resident_bytes();
  Engine grown(family, {.threads = 2, .sizes = {small}});
  EXPECT_LT(grown.resident_bytes(), all);
  EXPECT_TRUE(golden::same_bits(golden::logits_of(grown, small, ids), expected_small));
  EXPECT_THROW(grown.size_named(full), Error);
  Sequence running = grown.start(grown.size_named(small));
  BatchItem first{&running, std::span(ids).first(5), Want::last, {}};
  grown.step({&first, 1});
  grown.load(full);
  EXPECT_EQ(grown.resident_bytes(), all);
  EXPECT_TRUE(golden::same_bits(golden::logits_of(grown, full, ids), expected_full));
  grown.drop_above(small);
  EXPECT_LT(grown.resident_bytes(), all);
  BatchItem rest{&running, std::span(ids).subspan(5), Want::last, {}};
  grown.step({&rest, 1});
  EXPECT_TRUE(std::equal(rest.logits.row(0), rest.logits.row(0) + rest.logits.cols,
                         expected_small.end() - std::ptrdiff_t(rest.logits.cols)));
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, Resumed, testing::ValuesIn(golden::kNames),
                         [](const auto& checkpoint) { return checkpoint.param; });

}  // namespace
}  // namespace starnest
