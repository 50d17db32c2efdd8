#include "base/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <sys/mman.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/source_file.h"
#include "starnest/error.h"

namespace starnest {
namespace {

[[noreturn]] void fail_reading(const std::filesystem::path& path, const char* what) {
  const int code = errno;
  throw Error({.where = path.string(), .what = std::string(what) + " (" + std::strerror(code) + ")"});
}

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

struct stat regular_file_status(int fd, const std::filesystem::path& path) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) fail_reading(path, "cannot read its size");
  if (!S_ISREG(status.st_mode)) throw Error(path.string(), "is not a regular file");
  return status;
}

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) cannot_open(path);
  size_ = size_t(regular_file_status(file.fd, path).st_size);
  if (size_ == 0) return;
  char beginning[kLfsPointer.size()];
  const ssize_t begun = ::pread(file.fd, beginning, sizeof beginning, 0);
  refuse_lfs_pointer(path, {beginning, size_t(std::max<ssize_t>(begun, 0))}, size_);
  void* mapped = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (mapped == MAP_FAILED) fail_reading(path, "cannot map into memory");
  data_ = static_cast<const std::byte*>(mapped);
  descriptor_ = std::exchange(file.fd, -1);
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
  if (descriptor_ >= 0) ::close(descriptor_);
}

void MappedFile::read_at(uint64_t offset, std::span<std::byte> out) const {
  SN_CHECK(offset <= size_ && out.size() <= size_ - offset, "range outside the file");
  while (!out.empty()) {
    const ssize_t n = ::pread(descriptor_, out.data(), out.size(), off_t(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_reading(path_, "cannot read");
    if (n == 0) throw Error(path_.string(), "became shorter while it was read");
    out = out.subspan(size_t(n));
    offset += uint64_t(n);
  }
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

std::string read_text(const std::filesystem::path& path, uint64_t max_bytes) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) cannot_open(path);
  const uint64_t size = uint64_t(regular_file_status(file.fd, path).st_size);
  if (size > max_bytes) {
    throw Error({.where = path.string(),
                 .what = "is too long",
                 .expected = "at most " + std::to_string(max_bytes) + " bytes",
                 .got = std::to_string(size)});
  }
  std::string text(size, '\0');
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = ::read(file.fd, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_reading(path, "cannot read");
    if (n == 0) throw Error(path.string(), "became shorter while it was read");
    done += size_t(n);
  }
  refuse_lfs_pointer(path, text, size);
  return text;
}

}  // namespace starnest
