// Large anonymous memory in 2 MiB pages where the system grants them: one stream over it reads half again as fast as
// over small pages.
#pragma once

#include <cstddef>

namespace starnest {

// Zeroed, page-aligned memory, returned to the system when destroyed. Movable. Pages become resident when touched.
class Pages {
 public:
  Pages() = default;
  explicit Pages(size_t bytes);  // throws Error when the address space does not have them
  ~Pages();
  Pages(Pages&& other) noexcept;
  Pages& operator=(Pages&& other) noexcept;

  // Makes [begin, end) resident now. From several threads at once, this is how fresh memory comes fastest.
  void touch(size_t begin, size_t end) const;

  std::byte* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
  void* mapping_ = nullptr;
  size_t mapped_ = 0;
};

}  // namespace starnest
