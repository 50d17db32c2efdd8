#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <sys/stat.h>

#include "base/output.h"
#include "format/json/jsonl.h"
#include "starnest/error.h"

namespace starnest {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const char* what) {
  throw Error(path.string(), std::string(what) + " (" + std::strerror(errno) + ")");
}

// Bytes up to and with the last line end, searched backwards in blocks.
off_t complete_bytes(int descriptor, off_t size, const std::filesystem::path& path) {
  std::array<char, 4096> block;
  while (size > 0) {
    const off_t begin = std::max<off_t>(0, size - off_t(block.size()));
    const ssize_t n = ::pread(descriptor, block.data(), size_t(size - begin), begin);
    if (n < 0) fail(path, "cannot read");
    if (n == 0) return begin;  // became shorter meanwhile
    const auto text = std::string_view(block.data(), size_t(n));
    if (const size_t found = text.rfind('\n'); found != text.npos) return begin + off_t(found) + 1;
    size = begin;
  }
  return 0;
}

void drop_unfinished_line(int descriptor, const std::filesystem::path& path) {
  struct stat status{};
  if (::fstat(descriptor, &status) != 0) fail(path, "cannot read its size");
  const off_t keep = complete_bytes(descriptor, status.st_size, path);
  if (keep != status.st_size && ::ftruncate(descriptor, keep) != 0) fail(path, "cannot drop its unfinished last line");
}

}  // namespace

JsonlWriter::JsonlWriter(const std::filesystem::path& path, Mode mode) : path_(path) {
  const OutputPlace place = output_place(path);
  descriptor_ = open_to_append(place);
  if (place.kind != OutputPlace::Kind::file) return;
  try {
    if (mode == Mode::append)
      drop_unfinished_line(descriptor_, path);
    else if (::ftruncate(descriptor_, 0) != 0)
      fail(path, "cannot be emptied");
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

JsonlWriter::~JsonlWriter() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void JsonlWriter::write(const JsonLine& line) {
  const std::string text = line.text() + "\n";
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t n = ::write(descriptor_, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(path_, "cannot write");
    rest.remove_prefix(size_t(n));
  }
}

}  // namespace starnest
