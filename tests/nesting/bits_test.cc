// The one numeric path: bits depend on the tokens, the size, the weights and the back end, on nothing else.
#include <gtest/gtest.h>

#include "checkpoints.h"

namespace starnest {
namespace {

class OnePath : public testing::TestWithParam<std::string> {
 protected:
  FamilySpec family = read_family(folder_of(GetParam()));
  std::vector<TokenId> ids = golden::read(golden_of(GetParam()), "full").ids;
};

TEST_P(OnePath, AnyChunkingGivesTheBitsOfOnePrefill) {
  golden::on_every_back_end([&](const std::shared_ptr<Device>& device) {
    Engine engine(family, device, {.threads = 1});
    for (const Size& size : engine.sizes().ascending()) {
      const auto whole = golden::logits_of(engine, size.name, ids);
      for (const size_t chunk : {1, 3, 7, 16})
        EXPECT_TRUE(golden::same_bits(golden::logits_of(engine, size.name, ids, chunk), whole)) << chunk;
    }
  });
}

TEST_P(OnePath, AnFp8CacheGivesTheSameBitsForAnyChunking) {
  golden::on_every_back_end([&](const std::shared_ptr<Device>& device) {
    Engine engine(family, device, {.threads = 2, .kv_dtype = DType::f8_e4m3});
    for (const Size& size : engine.sizes().ascending()) {
      const auto whole = golden::logits_of(engine, size.name, ids);
      EXPECT_TRUE(golden::same_bits(golden::logits_of(engine, size.name, ids, 1), whole));
    }
  });
}

TEST_P(OnePath, AnyNumberOfThreadsGivesTheSameBits) {
  golden::on_every_back_end([&](const std::shared_ptr<Device>& device) {
    Engine one(family, device, {.threads = 1}), three(family, device, {.threads = 3});
    for (const Size& size : one.sizes().ascending())
      EXPECT_TRUE(golden::same_bits(golden::logits_of(one, size.name, ids), golden::logits_of(three, size.name, ids)));
  });
}

TEST_P(OnePath, ASizeLoadedAloneGivesTheBitsItHasInPlace) {
  golden::on_every_back_end([&](const std::shared_ptr<Device>& device) {
    Engine all(family, device, {.threads = 1});
    for (const Size& size : all.sizes().ascending()) {
      Engine alone(family, device, {.threads = 1, .sizes = {size.name}});
      EXPECT_LE(alone.resident_bytes(), all.resident_bytes());
      EXPECT_TRUE(golden::same_bits(golden::logits_of(all, size.name, ids), golden::logits_of(alone, size.name, ids)))
          << size.name;
    }
  });
}

TEST_P(OnePath, SequencesOfABatchDoNotSeeEachOther) {
  golden::on_every_back_end([&](const std::shared_ptr<Device>& device) {
    Engine engine(family, device, {.threads = 2});
    const std::vector<TokenId> other(ids.rbegin(), ids.rend() - 5);
    std::vector<Sequence> sequences;
    for (size_t size = 1; size <= engine.resident(); ++size)
      for (int copy = 0; copy < 2; ++copy) sequences.push_back(engine.start(size));
    std::vector<BatchItem> batch;
    for (size_t i = 0; i < sequences.size(); ++i) batch.push_back({&sequences[i], i % 2 ? other : ids, Want::all, {}});
    engine.step(batch);
    std::vector<std::vector<float>> together;
    for (const BatchItem& item : batch) {
      auto& rows = together.emplace_back();
      for (size_t t = 0; t < item.logits.rows; ++t)
        rows.insert(rows.end(), item.logits.row(t), item.logits.row(t) + item.logits.cols);
    }
    for (size_t i = 0; i < sequences.size(); ++i)
      EXPECT_TRUE(
          golden::same_bits(together[i], golden::logits_of(engine, engine.name_of(i / 2 + 1), i % 2 ? other : ids)))
          << i;
  });
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, OnePath, testing::ValuesIn(kCheckpoints), test_name);

}  // namespace
}  // namespace starnest
