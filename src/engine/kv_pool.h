// Memory for the keys and values of all sequences of an engine, under one limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>

#include "kernels/device.h"

namespace starnest {

// Keys and values of kKvBlock tokens, all attention blocks of a model (model/state_layout.h). Sequences that went the
// same way share blocks; who writes into one that is shared makes a copy first.
using KvBlock = DeviceMemory;

// Counts what is taken; blocks give themselves back when the last sequence lets go of them. Not thread-safe; must
// outlive its blocks.
class KvPool {
 public:
  static constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

  explicit KvPool(Device& device, uint64_t limit = kNoLimit) : device_(device), limit_(limit) {}
  KvPool(const KvPool&) = delete;
  KvPool& operator=(const KvPool&) = delete;

  // An uninitialised block. The caller has made sure that `size` bytes are available (abort). Throws Error when the
  // device has no such memory.
  std::shared_ptr<KvBlock> take(size_t size);

  // All in bytes. The limit may be set below what is in use: nothing is available then until blocks come back.
  void set_limit(uint64_t limit) { limit_ = limit; }
  uint64_t limit() const { return limit_; }
  uint64_t in_use() const { return in_use_; }
  uint64_t available() const { return in_use_ < limit_ ? limit_ - in_use_ : 0; }

 private:
  Device& device_;
  uint64_t limit_;
  uint64_t in_use_ = 0;
};

}  // namespace starnest
