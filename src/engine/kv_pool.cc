#include "engine/kv_pool.h"

#include "base/check.h"

namespace starnest {

std::shared_ptr<KvBlock> KvPool::take(size_t size) {
  SN_CHECK(size <= available(), "the pool of keys and values has no more blocks");
  std::unique_ptr<KvBlock> block(new KvBlock{std::unique_ptr<std::byte[]>(new std::byte[size]), size});
  const auto give_back = [this](KvBlock* used) {
    in_use_ -= used->size;
    delete used;
  };
  std::shared_ptr<KvBlock> shared(block.release(), give_back);
  in_use_ += size;
  return shared;
}

}  // namespace starnest
