// Scratch memory of the ops.
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

#include "base/view.h"
#include "kernels/device.h"

namespace starnest {

// Scratch memory for one step, uninitialised and 64-byte aligned. Memory comes in chunks that are kept, so pointers
// stay valid until rewound and a warm arena does not allocate. Stack discipline: rewinding to a mark frees all that was
// taken after it. Not thread-safe: ops take their scratch before they start threads. Throws Error when the device has
// no more memory. The device must outlive it.
class Arena {
 public:
  explicit Arena(Device& device) : device_(device) {}

  struct Mark {
    size_t chunk = 0;
    size_t used = 0;
  };

  MatView<float> matrix(size_t rows, size_t cols);  // the stride is cols rounded up to 16: every row is 64-byte aligned
  VecView<float> vector(size_t n) { return {static_cast<float*>(take(n, sizeof(float))), n}; }

  // Elements are not constructed, hence trivial types only.
  template <class T>
  std::span<T> array(size_t n) {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T> && alignof(T) <= kAlignment);
    return {static_cast<T*>(take(n, sizeof(T))), n};
  }

  Mark mark() const { return position_; }
  void rewind(Mark mark) { position_ = mark; }
  size_t capacity() const;  // bytes in all chunks

 private:
  static constexpr size_t kAlignment = 64;
  void* take(size_t count, size_t element_size);

  Device& device_;
  std::vector<DeviceMemory> chunks_;
  Mark position_;
};

// Gives back, at the end of a scope, all scratch taken inside it.
class ScratchScope {
 public:
  explicit ScratchScope(Arena& arena) : arena_(arena), mark_(arena.mark()) {}
  ~ScratchScope() { arena_.rewind(mark_); }
  ScratchScope(const ScratchScope&) = delete;
  ScratchScope& operator=(const ScratchScope&) = delete;

 private:
  Arena& arena_;
  Arena::Mark mark_;
};

}  // namespace starnest
