// Files: reading by memory map or whole, and writing so that a reader never sees half a file.
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

// Writes to `<path>.tmp` and, on commit(), flushes to the disk and renames over `path`. Without commit() the temporary
// file is removed and `path` is untouched. Makes the folder of `path` where it is missing. Every failure (disk full
// included) throws Error naming the file.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
};

void write_text(const std::filesystem::path& path, std::string_view text);  // through AtomicFile

}  // namespace starnest
