// What one sequence carries at one size: keys and values, recurrent states, the number of tokens read.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/kv_pool.h"
#include "model/state_layout.h"

namespace starnest {

// Passive: the engine advances it. Belongs to one size of one engine; not thread-safe; movable. Its memory grows with
// the tokens read, in blocks of kKvBlock tokens.
class Sequence {
 public:
  size_t size() const { return size_; }
  size_t position() const { return position_; }  // tokens read so far

  Sequence(Sequence&&) = default;
  Sequence& operator=(Sequence&&) = default;

  // A second sequence that goes on from here. Keys and values are shared until one of the two writes into a block that
  // both hold; the recurrent state is copied. Only a fork can go back: a recurrent state cannot be cut.
  Sequence fork() const;

  // Memory of the state: what it has alone, and its blocks of keys and values, which forks may share.
  uint64_t own_bytes() const { return state_.size(); }
  std::span<const std::shared_ptr<KvBlock>> kv_blocks() const { return kv_; }

 private:
  friend class Engine;

  Sequence(Device& device, size_t size, const StateLayout& layout, KvPool& pool);
  // Goes on from where a sequence of another size stands; both layouts have the same parts. Channels of Mamba that the
  // other lacks begin at zero. Keys and values are shared as by fork().
  void take_over(const Sequence& other, const StateLayout& from, const StateLayout& to);

  // Bytes of new blocks that room for `tokens` more takes. `reserve` takes them: what is written into from here on is
  // this sequence's own.
  float* state() const { return reinterpret_cast<float*>(state_.data()); }
  uint64_t kv_needed(size_t tokens) const;
  void reserve(size_t tokens);
  void hold(size_t index, std::shared_ptr<KvBlock> block);

  size_t size_ = 0;
  size_t position_ = 0;
  size_t kv_block_bytes_ = 0;
  Device* device_ = nullptr;
  KvPool* pool_ = nullptr;
  DeviceMemory state_;  // floats, zero at the start: a long state costs nothing before it is used
  std::vector<std::shared_ptr<KvBlock>> kv_;
  std::vector<std::byte*> kv_data_;  // of kv_
};

}  // namespace starnest
