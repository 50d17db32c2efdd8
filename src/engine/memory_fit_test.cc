#include "engine/memory_fit.h"

#include <limits>

#include <gtest/gtest.h>

#include "arch/cost.h"
#include "base/test_support.h"
#include "engine/engine.h"
#include "format/weights/safetensors_writer.h"

namespace starnest {
namespace {

const std::filesystem::path kSource = STARNEST_SOURCE_DIR;

// What a size of the pocket model needs is what an engine that runs it takes.
TEST(MemoryNeed, IsWhatTheEngineTakes) {
  for (const std::optional<DType> kv : {std::optional<DType>(), std::optional(DType::bf16)}) {
    const FamilySpec family = read_family(kSource / "models/pocket");
    const PerSize<MemoryNeed> needs =
        memory_needs(family, PairedCheckpoint(family.spec, Checkpoint(family.folder)), kv);
    Engine engine(family, {.threads = 1, .kv_dtype = kv});
    for (size_t size = 1; size <= needs.largest(); ++size) {
      Sequence sequence = engine.start(size);
      EXPECT_EQ(sequence.own_bytes(), needs.at(size).state);
      const std::vector<TokenId> tokens(65, 3);
      BatchItem item{&sequence, tokens};
      engine.step({&item, 1});
      EXPECT_EQ(engine.kv().in_use() + sequence.own_bytes(), needs.at(size).per_sequence(tokens.size()));
    }
    EXPECT_LE(needs.at(needs.largest()).weights, engine.resident_bytes());  // which pads its panels
  }
}

TEST(MemoryNeed, WhatIsWidenedCountsAsSuch) {
  const FamilySpec family = read_family(kSource / "tests/golden/moe_f32");
  const SafetensorsFile whole(family.folder / "model.safetensors");
  const TestFolder folder;
  std::vector<TensorHeader> headers;
  for (const TensorInfo& info : whole.tensors()) headers.push_back({info.name, DType::f16, info.shape});
  SafetensorsWriter writer(folder / "model.safetensors", headers, {});
  for (const TensorHeader& header : writer.order()) {
    const auto bytes = whole.bytes(*whole.find(header.name));
    writer.append(bytes.first(bytes.size() / 2));
  }
  writer.commit();
  const auto needs = [&](const std::filesystem::path& at) {
    return memory_needs(family, PairedCheckpoint(family.spec, Checkpoint(at)));
  };
  const MemoryNeed f32 = needs(family.folder).at(1), f16 = needs(folder.path()).at(1);
  EXPECT_EQ(f16.weights, f32.weights);
  EXPECT_EQ(f16.kv_block, f32.kv_block);
}

TEST(MemoryNeed, TheLongestContextIsTheLongest) {
  const MemoryNeed need{.weights = 1000, .state = 10, .kv_block = 64};
  for (const uint64_t memory : {1000, 1019, 1020, 1147, 1148, 5000}) {
    const uint64_t longest = need.longest_context(memory, 2, 1 << 20);
    EXPECT_TRUE(longest == 0 || need.bytes({longest, 2}) <= memory) << memory;
    EXPECT_GT(need.bytes({longest + 1, 2}), memory);
  }
  EXPECT_EQ(need.longest_context(999, 1, 100), 0u);
  EXPECT_EQ(need.longest_context(1147, 2, 100), 0u);
  EXPECT_EQ(need.longest_context(1148, 2, 100), 64u);
  EXPECT_EQ(need.longest_context(1 << 20, 2, 100), 100u);
  EXPECT_EQ((MemoryNeed{.weights = 5}.longest_context(5, 9, 100)), 100u);  // no attention
}

TEST(MemoryNeed, NeverOverflows) {
  const uint64_t most = std::numeric_limits<uint64_t>::max();
  const MemoryNeed need{.weights = most - 5, .state = 10, .kv_block = 64};
  EXPECT_EQ(need.bytes({0, 1}), most);
  EXPECT_EQ(need.bytes({most, most}), most);
  EXPECT_EQ(need.longest_context(most - 1, most, 100), 0u);
}

class ChooseSize : public testing::Test {
 protected:
  FamilySpec family = read_family(kSource / "tests/data/configs/nano_30b", "nemotron-3-elastic-30b");

  PerSize<MemoryNeed> needs(Encoding format) const {
    PerSize<MemoryNeed> all;
    for (const Size& size : family.sizes.ascending())
      all.add(memory_need(family.spec, size.widths, cost_of(family.spec, size.widths, format).bytes, DType::bf16));
    return all;
  }
};

TEST_F(ChooseSize, TakesTheLargestThatFitsAndLeavesATenth) {
  const PerSize<MemoryNeed> all = needs(Encoding::nvfp4);
  const Load load{8192, 1};
  for (size_t size = 1; size <= 3; ++size) {
    const uint64_t least = (all.at(size).bytes(load) * 10 + 8) / 9;
    EXPECT_EQ(choose_size(family, all, load, least).name, family.sizes.at(size).name);
    if (size == 1) continue;
    EXPECT_EQ(choose_size(family, all, load, least - 2).name, family.sizes.at(size - 1).name);
  }
}

TEST_F(ChooseSize, ANano12bInNvfp4FitsWhereNoBf16Does) {
  const uint64_t free = 13'000'000'000;
  const ChosenSize chosen = choose_size(family, needs(Encoding::nvfp4), {}, free);
  EXPECT_EQ(chosen.name, "12b");
  expect_has(chosen.notice, {"sizes auto: '12b', which needs 7.63 GiB with a context of 4,096 tokens", "12.11 GiB are",
                             "'23b' would need 13.69 GiB"});
  expect_has(error_of([&] { choose_size(family, needs(Encoding::bf16), {}, free); }),
             {"sizes auto: not even the smallest size, '12b', fits with a context of 4,096 tokens",
              "expected 23.23 GiB", "got 12.11 GiB free", "Take a shorter context"});
}

TEST_F(ChooseSize, SequencesCount) {
  const PerSize<MemoryNeed> all = needs(Encoding::nvfp4);
  const uint64_t free = uint64_t{16} << 30;
  EXPECT_EQ(choose_size(family, all, {4096, 1}, free).name, "23b");
  EXPECT_EQ(choose_size(family, all, {4096, 64}, free).name, "12b");
}

TEST_F(ChooseSize, AutoIsANameWhereASizeHasIt) {
  const std::vector<std::string> asked{"auto"};
  EXPECT_TRUE(asks_for_choice(family, asked));
  EXPECT_FALSE(asks_for_choice(family, std::vector<std::string>{"auto", "12b"}));
  EXPECT_FALSE(asks_for_choice(family, {}));
  family.sizes = Sizes({{"auto", family.sizes.at(1).widths}});
  EXPECT_FALSE(asks_for_choice(family, asked));
}

}  // namespace
}  // namespace starnest
