// A back end: a kind of processor with its memory, its layout of weights and its ops. Code above it holds pointers into
// its memory, moves them about and passes them to ops; only the back end looks at what lies there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "kernels/packed_matrix.h"

namespace starnest {

struct Ops;

// Rows of bytes that lie `stride` bytes apart.
struct ByteRows {
  std::byte* data = nullptr;
  size_t stride = 0;
};

// Memory is aligned to 64 bytes. Copies are ordered with the ops. One thread at a time, but for `touch`.
class Device {
 public:
  Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  virtual ~Device() = default;

  // Which of its kinds it is, e.g. "avx2" or "ref": an output's bits depend on it, on its token and on the weights, and
  // on nothing else: never on the number of tokens in a call, on threads, strides or alignment.
  virtual std::string_view kernel_path() const = 0;
  virtual size_t prefill_chunk() const = 0;  // tokens that are worth reading at once; the bits do not depend on it
  virtual const PanelLayout& panels() const = 0;
  virtual const Ops& ops() const = 0;

  // Throws Error when there is no such memory. Given back with the same size. nullptr for 0 bytes.
  virtual std::byte* allocate(size_t bytes) = 0;         // uninitialised
  virtual std::byte* allocate_zeroed(size_t bytes) = 0;  // costs little before it is used
  virtual void release(std::byte* memory, size_t bytes) noexcept = 0;
  virtual uint64_t free_bytes() const = 0;  // that can still be taken

  virtual void zero(std::byte* to, size_t bytes) = 0;
  virtual void copy(std::byte* to, const std::byte* from, size_t bytes) = 0;
  virtual void copy_rows(ByteRows to, ByteRows from, size_t rows, size_t row_bytes) = 0;
  virtual void upload(std::byte* to, const std::byte* from_host, size_t bytes) = 0;
  virtual void download(std::byte* to_host, const std::byte* from, size_t bytes) = 0;  // waits for what came before
  virtual void finish() = 0;                                                           // waits for everything

  // Where the host writes what is to lie at `to`; `end_upload` says that it has. For large things: no second copy where
  // the host can write there itself.
  virtual std::byte* begin_upload(std::byte* to, size_t bytes) = 0;
  virtual void end_upload(std::byte* to, size_t bytes) = 0;
  // What lies at `from`, to be read by the host: as it is at the end of all ops so far, valid until the next one.
  virtual const std::byte* host_view(const std::byte* from, size_t bytes) = 0;
  // Makes fresh memory resident now. From several threads at once, this is how it comes fastest.
  virtual void touch(std::byte* memory, size_t bytes) = 0;
};

// Memory of a device, given back at the end. Movable; the device must outlive it.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  DeviceMemory(Device& device, size_t bytes) : device_(&device), data_(device.allocate(bytes)), size_(bytes) {}
  static DeviceMemory zeroed(Device& device, size_t bytes) {
    DeviceMemory memory;
    memory.data_ = device.allocate_zeroed(bytes);
    memory.device_ = &device;
    memory.size_ = bytes;
    return memory;
  }
  ~DeviceMemory() {
    if (data_) device_->release(data_, size_);
  }
  DeviceMemory(DeviceMemory&& other) noexcept { *this = std::move(other); }
  DeviceMemory& operator=(DeviceMemory&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }

  std::byte* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  Device* device_ = nullptr;
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace starnest
