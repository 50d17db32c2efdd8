#include "convert/shard_copy.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include <sys/mman.h>

namespace starnest {
namespace {

constexpr size_t kBuffer = size_t{4} << 20;
constexpr size_t kResident = size_t{32} << 20;  // pages of the source that may stay in memory

// The pages come back from the file when they are touched again.
void give_back(std::span<const std::byte> read) {
  const auto page = size_t(::sysconf(_SC_PAGESIZE));
  const size_t before = uintptr_t(read.data()) % page;
  if (read.empty()) return;
  ::madvise(const_cast<std::byte*>(read.data() - before), before + read.size(), MADV_DONTNEED);
}

}  // namespace

ShardCopy::ShardCopy(Write write) : write_(std::move(write)) { buffer_.reserve(kBuffer); }

void ShardCopy::tensor(std::span<const std::byte> bytes, std::span<const KeptDimension> dims, size_t element_bytes) {
  size_t resident_from = 0;
  for_each_run(dims, element_bytes, [&](size_t begin, size_t count) {
    while (count > 0) {
      const size_t piece = std::min(count, kResident);
      run(bytes.subspan(begin, piece));
      begin += piece;
      count -= piece;
      if (begin - resident_from < kResident) continue;
      give_back(bytes.subspan(resident_from, begin - resident_from));
      resident_from = begin;
    }
  });
  flush();
  give_back(bytes.subspan(resident_from));
}

void ShardCopy::run(std::span<const std::byte> bytes) {
  if (buffer_.size() + bytes.size() > kBuffer) flush();
  if (bytes.size() >= kBuffer) {
    write_(bytes);
  } else {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  }
}

void ShardCopy::flush() {
  if (buffer_.empty()) return;
  write_(buffer_);
  buffer_.clear();
}

}  // namespace starnest
