#include "engine/sequence.h"

#include <algorithm>

#include "kernels/attention.h"

namespace starnest {
namespace {

size_t blocks_for(size_t tokens) { return (tokens + kKvBlock - 1) / kKvBlock; }

}  // namespace

Sequence::Sequence(Device& device, size_t size, const StateLayout& layout, KvPool& pool)
    : size_(size),
      kv_block_bytes_(layout.kv_block_bytes),
      device_(&device),
      pool_(&pool),
      state_(DeviceMemory::zeroed(device, layout.floats * sizeof(float))) {}

uint64_t Sequence::kv_needed(size_t tokens) const {
  if (kv_block_bytes_ == 0) return 0;
  const size_t first = position_ / kKvBlock, after = std::max(kv_.size(), blocks_for(position_ + tokens));
  size_t fresh = after - kv_.size();
  for (size_t i = first; i < kv_.size(); ++i) fresh += kv_[i].use_count() > 1;
  return uint64_t{fresh} * kv_block_bytes_;
}

void Sequence::hold(size_t index, std::shared_ptr<KvBlock> block) {
  kv_data_[index] = block->data();
  kv_[index] = std::move(block);
}

void Sequence::reserve(size_t tokens) {
  if (kv_block_bytes_ == 0) return;
  const size_t before = kv_.size();
  for (size_t i = position_ / kKvBlock; i < before; ++i) {
    if (kv_[i].use_count() == 1) continue;
    std::shared_ptr<KvBlock> own = pool_->take(kv_block_bytes_);
    device_->copy(own->data(), kv_[i]->data(), kv_block_bytes_);
    hold(i, std::move(own));
  }
  const size_t after = std::max(before, blocks_for(position_ + tokens));
  kv_data_.reserve(after);
  for (size_t i = before; i < after; ++i) {
    kv_.push_back(pool_->take(kv_block_bytes_));
    kv_data_.push_back(kv_.back()->data());
  }
}

Sequence Sequence::fork() const {
  Sequence copy(*device_, size_, {}, *pool_);
  copy.position_ = position_;
  copy.kv_block_bytes_ = kv_block_bytes_;
  copy.kv_ = kv_;
  copy.kv_data_ = kv_data_;
  copy.state_ = DeviceMemory(*device_, state_.size());
  device_->copy(copy.state_.data(), state_.data(), state_.size());
  return copy;
}

void Sequence::take_over(const Sequence& other, const StateLayout& from, const StateLayout& to) {
  position_ = other.position_;
  kv_ = other.kv_;
  kv_data_ = other.kv_data_;
  // Units are in memory by shell, so those of the smaller size come first in the larger one.
  const auto rows_of = [](const Sequence& sequence, const StateLayout::Part& part) {
    return ByteRows{sequence.state_.data() + part.offset * sizeof(float), part.cols * sizeof(float)};
  };
  for (size_t i = 0; i < from.parts.size(); ++i) {
    const StateLayout::Part &a = from.parts[i], &b = to.parts[i];
    device_->copy_rows(rows_of(*this, b), rows_of(other, a), std::min(a.rows, b.rows),
                       std::min(a.cols, b.cols) * sizeof(float));
  }
}

}  // namespace starnest
