#include "base/output.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <utility>

#include <sys/file.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/text.h"
#include "starnest/error.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

constexpr int kMostLinks = 40;     // as Linux follows
constexpr mode_t kNewFile = 0666;  // less the umask
constexpr std::string_view kUnfinished = ".tmp";

[[noreturn]] void fail(const fs::path& path, const std::string& what, std::string hint = {}) {
  const int code = errno;
  throw Error({.where = path.string(), .what = what + " (" + std::strerror(code) + ")", .hint = std::move(hint)});
}

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

// Without links; parts that are not there stay as they are.
fs::path canonical_folder(const fs::path& folder) {
  std::error_code code;
  fs::path full = fs::weakly_canonical(fs::absolute(folder, code), code);
  return code ? folder : full;
}

// The end of a chain of links, which need not exist.
fs::path without_links(const fs::path& path) {
  fs::path at = path;
  for (int links = 0; links < kMostLinks; ++links) {
    const fs::path folder = canonical_folder(folder_of(at));
    at = folder / at.filename();
    std::error_code code;
    // In /proc a link is what a process has open: it can lead to a pipe, which has no path.
    if (folder.string().starts_with("/proc/") || !fs::is_symlink(at, code)) return at;
    const fs::path target = fs::read_symlink(at, code);
    if (code) return at;
    at = folder / target;  // an absolute target replaces the folder
  }
  errno = ELOOP;
  fail(path, "cannot be found");
}

// The number of an entry of /proc/self/fd.
std::optional<int> own_descriptor(const fs::path& path) {
  if (path.parent_path() != fs::path("/proc") / std::to_string(::getpid()) / "fd") return std::nullopt;
  return whole_number<int>(path.filename().string());
}

void write_all(int descriptor, std::span<const std::byte> bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(descriptor, bytes.data(), std::min(bytes.size(), size_t{1} << 30));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(path, "cannot write");
    bytes = bytes.subspan(size_t(n));
  }
}

int open_through(const OutputPlace& place) {
  const int descriptor = place.kind == OutputPlace::Kind::descriptor
                             ? ::fcntl(place.descriptor, F_DUPFD_CLOEXEC, 0)
                             : ::open(place.path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);
  if (descriptor < 0) fail(place.given, "cannot open for writing");
  return descriptor;
}

enum class Locked { yes, by_another };
Locked try_lock(int descriptor) {
  int result = 0;
  do result = ::flock(descriptor, LOCK_EX | LOCK_NB);
  while (result != 0 && errno == EINTR);
  return result != 0 && errno == EWOULDBLOCK ? Locked::by_another : Locked::yes;  // or locks are not known here
}

// A new file gets the mode and, where that is allowed, the owner of the file whose place it takes.
void take_over_mode(int descriptor, const fs::path& from) {
  struct stat status{};
  if (::stat(from.c_str(), &status) != 0) return;
  if (::fchown(descriptor, status.st_uid, status.st_gid) != 0) errno = 0;  // only root gives files away
  if (::fchmod(descriptor, status.st_mode & 07777) != 0) fail(from, "cannot keep its mode");
}

// Devices and pipes have nothing to flush.
bool nothing_to_flush() { return errno == EINVAL || errno == EROFS || errno == ENOTSUP; }

void flush_folder(const fs::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

// "NAME.PID-N.tmp", with NAME cut so that the whole is no longer than a name may be.
fs::path temporary_name(const fs::path& path) {
  constexpr size_t kLongestName = 255;
  static std::atomic<uint64_t> count = 0;  // of this process
  const std::string tail = "." + std::to_string(::getpid()) + "-" + std::to_string(++count) + std::string(kUnfinished);
  const std::string name = path.filename().string();
  return path.parent_path() / (name.substr(0, kLongestName - tail.size()) + tail);
}

bool is_temporary_name(const std::string& name) {
  if (!name.ends_with(kUnfinished)) return false;
  const std::string stem = name.substr(0, name.size() - kUnfinished.size());
  const size_t dot = stem.rfind('.'), dash = stem.rfind('-');
  if (dot == stem.npos || dash == stem.npos || dash < dot) return false;
  return whole_number<uint64_t>(stem.substr(dot + 1, dash - dot - 1)) && whole_number<uint64_t>(stem.substr(dash + 1));
}

bool is_regular(const struct stat& status) { return S_ISREG(status.st_mode); }

}  // namespace

OutputPlace output_place(const fs::path& path) {
  if (path.empty()) throw Error("the output", "has no name");
  if (!path.has_filename()) throw Error(path.string(), "is the name of a folder, not of a file");
  OutputPlace place{.given = path, .path = without_links(path)};
  if (const auto own = own_descriptor(place.path)) {
    place.kind = OutputPlace::Kind::descriptor;
    place.descriptor = *own;
    return place;
  }
  struct stat status{};
  if (::stat(place.path.c_str(), &status) != 0) return place;  // what opens it says why, if it cannot be there
  if (S_ISDIR(status.st_mode)) throw Error(path.string(), "is a folder, not a file that can be written");
  if (!is_regular(status)) place.kind = OutputPlace::Kind::stream;
  if (::faccessat(AT_FDCWD, place.path.c_str(), W_OK, AT_EACCESS) != 0) fail(path, "cannot be written");
  return place;
}

bool same_file(const fs::path& a, const fs::path& b) {
  if (a.empty() || b.empty()) return false;
  struct stat first{}, second{};
  const bool a_exists = ::stat(a.c_str(), &first) == 0, b_exists = ::stat(b.c_str(), &second) == 0;
  if (a_exists != b_exists) return false;
  if (!a_exists) return without_links(a) == without_links(b);
  return is_regular(first) && first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

void check_outputs(std::span<const NamedPath> outputs, std::span<const NamedPath> inputs) {
  const auto refuse = [](const NamedPath& output, const std::string& what) {
    throw Error({.where = output.name,
                 .what = what,
                 .got = in_quotes(output.path.string()),
                 .hint = "Name another file to write"});
  };
  for (size_t i = 0; i < outputs.size(); ++i) {
    for (const NamedPath& input : inputs)
      if (same_file(outputs[i].path, input.path))
        refuse(outputs[i], "would replace the file that " + input.name + " names (" + input.path.string() + ")");
    for (size_t other = 0; other < i; ++other)
      if (same_file(outputs[i].path, outputs[other].path))
        refuse(outputs[i], "is the file that " + outputs[other].name + " writes too");
  }
}

MadeFolders::MadeFolders(const fs::path& folder) {
  std::error_code code;
  for (fs::path at = folder; !at.empty() && !fs::exists(at, code); at = at.parent_path()) {
    if (at.has_filename()) made_.push_back(at);
    if (at == at.parent_path()) break;
  }
  for (auto at = made_.rbegin(); at != made_.rend(); ++at)
    if (!fs::create_directory(*at, code)) {  // not ours: it cannot be made, or another process was first
      made_.erase(made_.begin(), at.base());
      break;
    }
}

MadeFolders::~MadeFolders() {
  std::error_code not_empty;
  for (const fs::path& folder : made_) fs::remove(folder, not_empty);
}

AtomicFile::AtomicFile(const fs::path& path)
    : place_(output_place(path)),
      folders_(place_.kind == OutputPlace::Kind::file ? place_.path.parent_path() : fs::path()) {
  if (place_.kind == OutputPlace::Kind::file)
    create_temporary();
  else
    descriptor_ = open_through(place_);
}

void AtomicFile::create_temporary() {
  do {
    temporary_ = temporary_name(place_.path);
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kNewFile);
  } while (descriptor_ < 0 && errno == EEXIST);  // of another process with this number, in another container
  if (descriptor_ >= 0) return;
  temporary_.clear();
  fail(place_.given, "cannot create");
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

// Not const: it changes the file. NOLINTNEXTLINE(readability-make-member-function-const)
void AtomicFile::write(std::span<const std::byte> bytes) {
  if (place_.kind == OutputPlace::Kind::descriptor) std::fflush(stdout);  // what was printed before
  write_all(descriptor_, bytes, place_.given);
}

// Not const: it changes the file. NOLINTNEXTLINE(readability-make-member-function-const)
void AtomicFile::write_at(uint64_t offset, std::span<const std::byte> bytes) {
  SN_CHECK(!temporary_.empty(), "bytes at a place of their own need a regular file");
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(descriptor_, bytes.data(), bytes.size(), off_t(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail(place_.given, "cannot write");
    bytes = bytes.subspan(size_t(written));
    offset += uint64_t(written);
  }
}

void AtomicFile::commit() {
  if (!temporary_.empty()) take_over_mode(descriptor_, place_.path);
  if (::fsync(descriptor_) != 0 && !(temporary_.empty() && nothing_to_flush()))
    fail(place_.given, "cannot flush to disk");
  if (::close(std::exchange(descriptor_, -1)) != 0) fail(place_.given, "cannot close");
  if (!temporary_.empty()) replace();
  folders_.keep();
}

void AtomicFile::replace() {
  if (::rename(temporary_.c_str(), place_.path.c_str()) != 0) fail(place_.given, "cannot replace");
  temporary_.clear();
  flush_folder(place_.path.parent_path());
}

void write_text(const fs::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

void check_writable(const fs::path& path) {
  std::error_code code;
  const OutputPlace place = output_place(path);  // looks at what is there
  if (place.kind == OutputPlace::Kind::file && !fs::exists(place.path, code)) AtomicFile(place.path);
}

void remove_unfinished(const fs::path& folder) {
  std::error_code code, ignored;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code))
    if (entry->is_regular_file(ignored) && is_temporary_name(entry->path().filename().string()))
      fs::remove(entry->path(), ignored);
}

int open_to_append(const OutputPlace& place) {
  if (place.kind != OutputPlace::Kind::file) return open_through(place);
  MadeFolders folders(place.path.parent_path());
  const int descriptor = ::open(place.path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, kNewFile);
  if (descriptor < 0) fail(place.given, "cannot open for writing");
  folders.keep();
  if (try_lock(descriptor) == Locked::yes) return descriptor;
  ::close(descriptor);
  throw Error({.where = place.given.string(),
               .what = "is being written by another process",
               .hint = "Wait for its end, or name another file"});
}

FileLock::FileLock(fs::path path, const std::string& what) : path_(std::move(path)) {
  while (true) {
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kNewFile);
    if (descriptor_ < 0) fail(path_, "cannot create");
    if (try_lock(descriptor_) == Locked::by_another) {
      ::close(std::exchange(descriptor_, -1));
      throw Error({.where = path_.parent_path().string(),
                   .what = "another process writes " + what,
                   .hint = "Wait for its end, or end it, or name another place"});
    }
    struct stat held{}, there{};
    const bool known = ::fstat(descriptor_, &held) == 0 && ::stat(path_.c_str(), &there) == 0;
    if (known && held.st_dev == there.st_dev && held.st_ino == there.st_ino) return;
    ::close(std::exchange(descriptor_, -1));  // the one before has just removed it
  }
}

FileLock::~FileLock() {
  ::unlink(path_.c_str());  // before the lock goes, so that nobody locks a file without a name for long
  ::close(descriptor_);
}

}  // namespace starnest
