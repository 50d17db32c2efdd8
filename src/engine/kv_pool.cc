#include "engine/kv_pool.h"

#include "base/check.h"

namespace starnest {

std::shared_ptr<KvBlock> KvPool::take(size_t size) {
  SN_CHECK(size <= available(), "the pool of keys and values has no more blocks");
  auto memory = std::make_unique<KvBlock>(device_, size);
  const auto give_back = [this](KvBlock* block) {
    in_use_ -= block->size();
    delete block;
  };
  std::shared_ptr<KvBlock> block(memory.release(), give_back);
  in_use_ += size;
  return block;
}

}  // namespace starnest
