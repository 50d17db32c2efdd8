// What back ends whose memory is the host's share.
#pragma once

#include <mutex>
#include <unordered_map>

#include "base/pages.h"
#include "kernels/device.h"

namespace starnest {

class HostDevice : public Device {
 public:
  size_t prefill_chunk() const override { return 512; }

  std::byte* allocate(size_t bytes) override;
  std::byte* allocate_zeroed(size_t bytes) override;
  void release(std::byte* memory, size_t bytes) noexcept override;
  uint64_t free_bytes() const override;

  void zero(std::byte* to, size_t bytes) override;
  void copy(std::byte* to, const std::byte* from, size_t bytes) override;
  void copy_rows(ByteRows to, ByteRows from, size_t rows, size_t row_bytes) override;
  void upload(std::byte* to, const std::byte* from_host, size_t bytes) override { copy(to, from_host, bytes); }
  void download(std::byte* to_host, const std::byte* from, size_t bytes) override { copy(to_host, from, bytes); }
  void finish() override {}

  std::byte* begin_upload(std::byte* to, size_t) override { return to; }
  void end_upload(std::byte*, size_t) override {}
  const std::byte* host_view(const std::byte* from, size_t) override { return from; }
  void touch(std::byte* memory, size_t bytes) override;

 private:
  std::mutex mutex_;                             // sequences may end on another thread than the engine's
  std::unordered_map<std::byte*, Pages> pages_;  // what is large
};

}  // namespace starnest
