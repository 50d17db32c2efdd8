#include "kernels/arena.h"

#include <algorithm>
#include <cstdint>
#include <new>

#include "base/checked.h"

namespace starnest {
namespace {

constexpr size_t kFirstChunk = size_t{1} << 20;

size_t rounded_up(size_t n, size_t multiple) { return (n + multiple - 1) / multiple * multiple; }

}  // namespace

MatView<float> Arena::matrix(size_t rows, size_t cols) {
  const size_t stride = rounded_up(cols, kAlignment / sizeof(float));
  const auto count = checked_mul(rows, stride);
  if (!count) throw std::bad_alloc();
  return {static_cast<float*>(take(*count, sizeof(float))), rows, cols, stride};
}

size_t Arena::capacity() const {
  size_t total = 0;
  for (const DeviceMemory& chunk : chunks_) total += chunk.size();
  return total;
}

void* Arena::take(size_t count, size_t element_size) {
  const auto wanted = checked_mul(count, element_size);
  if (!wanted || *wanted > SIZE_MAX / 4) throw std::bad_alloc();
  const size_t size = rounded_up(*wanted, kAlignment);
  for (; position_.chunk < chunks_.size(); position_ = {position_.chunk + 1, 0}) {
    const DeviceMemory& chunk = chunks_[position_.chunk];
    if (chunk.size() - position_.used < size) continue;
    std::byte* taken = chunk.data() + position_.used;
    position_.used += size;
    return taken;
  }
  const size_t chunk_size = std::max(size, std::max(kFirstChunk, capacity()));  // doubles what there is
  const DeviceMemory& chunk = chunks_.emplace_back(device_, chunk_size);
  position_ = {chunks_.size() - 1, size};
  return chunk.data();
}

}  // namespace starnest
