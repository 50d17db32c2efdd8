#include "engine/kv_pool.h"

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "engine/engine.h"
#include "kernels/attention.h"

namespace starnest {
namespace {

TEST(KvPool, CountsWhatIsTakenAndGetsItBack) {
  const std::unique_ptr<Device> device = make_device(kDefaultDevice);
  KvPool pool(*device, 1000);
  std::shared_ptr<KvBlock> first = pool.take(600), shared = first;
  EXPECT_EQ(pool.in_use(), 600u);
  EXPECT_EQ(pool.available(), 400u);
  pool.set_limit(500);
  EXPECT_EQ(pool.available(), 0u);
  first.reset();
  EXPECT_EQ(pool.in_use(), 600u);  // somebody holds it still
  shared.reset();
  EXPECT_EQ(pool.in_use(), 0u);
  EXPECT_EQ(pool.available(), 500u);
}

TEST(KvPoolDeathTest, TakesNoMoreThanThereIs) {
  const std::unique_ptr<Device> device = make_device(kDefaultDevice);
  KvPool pool(*device, 1000);
  EXPECT_DEATH(pool.take(1001), "no more blocks");
}

class KvLimit : public testing::Test {
 protected:
  Engine engine{read_family(std::filesystem::path(STARNEST_SOURCE_DIR) / "tests/golden/moe_f32"), {.threads = 1}};
  std::vector<TokenId> text = std::vector<TokenId>(3 * kKvBlock, 7);

  std::vector<float> step(Sequence& sequence, size_t tokens) {
    BatchItem item{&sequence, std::span(text).first(tokens), Want::last, {}};
    engine.step({&item, 1});
    return {item.logits.row(0), item.logits.row(0) + item.logits.cols};
  }
  uint64_t needed(Sequence& sequence, size_t tokens) {
    const BatchItem item{&sequence, std::span(text).first(tokens), Want::none, {}};
    return engine.kv_needed({&item, 1});
  }
};

TEST_F(KvLimit, AStepSaysBeforehandWhatItTakes) {
  Sequence sequence = engine.start(1);
  const uint64_t block = needed(sequence, 1);
  ASSERT_GT(block, 0u);
  EXPECT_EQ(needed(sequence, kKvBlock), block);
  EXPECT_EQ(needed(sequence, kKvBlock + 1), 2 * block);
  step(sequence, 10);
  EXPECT_EQ(engine.kv().in_use(), block);
  EXPECT_EQ(needed(sequence, kKvBlock - 10), 0u);
  EXPECT_EQ(needed(sequence, kKvBlock - 9), block);
  Sequence fork = sequence.fork();  // shares the block, until it is written into
  EXPECT_EQ(engine.kv().in_use(), block);
  EXPECT_EQ(needed(fork, 1), block);
  step(fork, 1);
  EXPECT_EQ(engine.kv().in_use(), 2 * block);
  EXPECT_EQ(needed(sequence, 1), 0u);
}

TEST_F(KvLimit, AStepThatTakesTooMuchIsRefusedAndChangesNothing) {
  Sequence sequence = engine.start(1), undisturbed = engine.start(1);
  const uint64_t block = needed(sequence, 1);
  step(undisturbed, kKvBlock);
  engine.kv().set_limit(2 * block);
  step(sequence, kKvBlock);
  const std::string error = error_of([&] { step(sequence, 1); });
  EXPECT_NE(error.find("keys and values: no memory for these tokens"), std::string::npos) << error;
  EXPECT_EQ(sequence.position(), kKvBlock);
  EXPECT_EQ(engine.kv().in_use(), 2 * block);
  engine.kv().set_limit(KvPool::kNoLimit);
  EXPECT_EQ(step(sequence, 1), step(undisturbed, 1));
}

}  // namespace
}  // namespace starnest
