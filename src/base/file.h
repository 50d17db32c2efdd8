// Files that are read: by memory map, or whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace starnest {

// A read-only memory map. Movable; the bytes live as long as the object. Throws Error when the file cannot be opened.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }

  // Copies bytes [offset, offset + out.size()) without mapping them in: they are counted as this process's memory only
  // as `out`. Throws Error when they cannot be read. Safe from any thread.
  void read_at(uint64_t offset, std::span<std::byte> out) const;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// The whole file as text. Throws Error when it cannot be read or is longer than `max_bytes`.
std::string read_text(const std::filesystem::path& path, uint64_t max_bytes = uint64_t{1} << 30);

}  // namespace starnest
