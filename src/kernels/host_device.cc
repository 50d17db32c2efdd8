#include "kernels/host_device.h"

#include <cstring>
#include <new>

#include "base/memory.h"
#include "base/text.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr std::align_val_t kAlignment{64};
constexpr size_t kLarge = size_t{2} << 20;  // of a huge page: from here on memory comes in pages, zeroed and untouched
constexpr size_t kSmallPage = 4096;

}  // namespace

std::byte* HostDevice::allocate(size_t bytes) {
  if (bytes == 0) return nullptr;
  if (bytes >= kLarge) {
    Pages fresh(bytes);
    std::byte* memory = fresh.data();
    const std::lock_guard lock(mutex_);
    pages_.emplace(memory, std::move(fresh));
    return memory;
  }
  if (void* memory = ::operator new(bytes, kAlignment, std::nothrow)) return static_cast<std::byte*>(memory);
  throw Error("memory", "cannot take " + bytes_text(bytes));
}

std::byte* HostDevice::allocate_zeroed(size_t bytes) {
  std::byte* memory = allocate(bytes);
  if (bytes < kLarge) zero(memory, bytes);
  return memory;
}

void HostDevice::release(std::byte* memory, size_t bytes) noexcept {
  if (bytes >= kLarge) {
    const std::lock_guard lock(mutex_);
    pages_.erase(memory);
  } else {
    ::operator delete(memory, kAlignment);
  }
}

uint64_t HostDevice::free_bytes() const { return available_memory(); }

void HostDevice::zero(std::byte* to, size_t bytes) {
  if (bytes > 0) std::memset(to, 0, bytes);
}

void HostDevice::copy(std::byte* to, const std::byte* from, size_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}

void HostDevice::copy_rows(ByteRows to, ByteRows from, size_t rows, size_t row_bytes) {
  for (size_t r = 0; r < rows; ++r) copy(to.data + r * to.stride, from.data + r * from.stride, row_bytes);
}

void HostDevice::touch(std::byte* memory, size_t bytes) {
  for (size_t at = 0; at < bytes; at += kSmallPage) *static_cast<volatile std::byte*>(memory + at) = std::byte{0};
}

}  // namespace starnest
