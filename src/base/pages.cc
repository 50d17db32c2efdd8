#include "base/pages.h"

#include <cstdint>
#include <utility>

#include <sys/mman.h>

#include "base/text.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

}  // namespace

Pages::Pages(size_t bytes) : size_(bytes) {
  if (bytes == 0) return;
  const bool huge = bytes >= kHugePage;
  mapped_ = bytes + (huge ? kHugePage : 0);  // room to begin at a huge page
  void* mapping = ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED)
    throw Error({.where = "memory",
                 .what = "cannot reserve " + bytes_text(bytes),
                 .hint = "Load a smaller size, or raise the limit of address space (ulimit -v)"});
  mapping_ = mapping;
  data_ = static_cast<std::byte*>(mapping);
  if (!huge) return;
  const auto begin = reinterpret_cast<uintptr_t>(mapping);
  data_ += (kHugePage - begin % kHugePage) % kHugePage;
  ::madvise(data_, bytes, MADV_HUGEPAGE);  // refused: small pages, which are only slower
}

void Pages::touch(size_t begin, size_t end) const {
  constexpr size_t kSmallPage = 4096;
  for (size_t at = begin; at < end; at += kSmallPage) *static_cast<volatile std::byte*>(data_ + at) = std::byte{0};
}

Pages::~Pages() {
  if (mapping_) ::munmap(mapping_, mapped_);
}

Pages::Pages(Pages&& other) noexcept { *this = std::move(other); }

Pages& Pages::operator=(Pages&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(mapping_, other.mapping_);
  std::swap(mapped_, other.mapped_);
  return *this;
}

}  // namespace starnest
