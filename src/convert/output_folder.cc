#include "convert/output_folder.h"

#include <fcntl.h>

#include <algorithm>
#include <string>
#include <system_error>

#include <sys/stat.h>

#include "base/text.h"
#include "starnest/error.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, std::string what, std::string hint = {}) {
  throw Error({.where = path.string(), .what = std::move(what), .hint = std::move(hint)});
}

void check(const std::error_code& code, const fs::path& path, const std::string& what) {
  if (code) fail(path, what + " (" + code.message() + ")");
}

// Absolute, without links and without a trailing slash. Parts that do not exist yet are kept as given.
fs::path resolved(const fs::path& path) {
  if (path.empty()) fail(path, "the name of the output folder is empty");
  std::error_code code;
  fs::path full = fs::weakly_canonical(fs::absolute(path), code);
  check(code, path, "cannot find this place");
  return full.has_filename() ? full : full.parent_path();
}

bool is_inside(const fs::path& folder, const fs::path& path) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
}

bool holds_folders(const fs::path& folder) {
  std::error_code code;
  const fs::directory_iterator entries(folder, code);
  check(code, folder, "cannot read this folder");
  return std::any_of(begin(entries), end(entries), [](const fs::directory_entry& entry) {
    std::error_code ignored;
    return entry.is_directory(ignored) && !entry.is_symlink(ignored);
  });
}

bool is_mount_point(const fs::path& folder) {
  struct statx status{};
  return ::statx(AT_FDCWD, folder.c_str(), 0, STATX_TYPE, &status) == 0 &&
         (status.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

void check_free(const fs::path& out, Overwrite overwrite) {
  std::error_code code;
  const fs::file_status status = fs::status(out, code);
  if (status.type() == fs::file_type::not_found) return;
  check(code, out, "cannot look at this place");
  if (status.type() != fs::file_type::directory) fail(out, "is not a folder", "Choose another output folder");
  if (is_mount_point(out))
    fail(out, "is a place where a file system is mounted, which no folder can replace", "Name a folder inside it");
  const bool empty = fs::is_empty(out, code);
  check(code, out, "cannot read this folder");
  if (empty) return;
  if (overwrite == Overwrite::refuse)
    fail(out, "is not empty", "Choose another folder, or replace this one with --force");
  if (holds_folders(out)) fail(out, "has folders inside, so it is not replaced", "Choose another output folder");
}

}  // namespace

OutputFolder::OutputFolder(const fs::path& out, std::span<const fs::path> sources, Overwrite overwrite)
    : out_(resolved(out)), overwrite_(overwrite), folders_(out_.parent_path()), partial_(out_.string() + ".partial") {
  for (const fs::path& source : sources) {
    const fs::path from = resolved(source);
    if (out_ == from) fail(out, "is the source", "Choose another output folder");
    if (is_inside(out_, from)) fail(out, "contains the source " + source.string(), "Choose another output folder");
  }
  check_free(out_, overwrite);
  std::error_code code;
  const bool created = fs::create_directory(partial_, code);
  check(code, partial_, "cannot create this folder");
  if (!created)
    fail(partial_, "is there already: another run writes it, or one was interrupted", "Remove it and try again");
  try {
    check_free(out_, overwrite);  // another run may have finished since
  } catch (...) {
    fs::remove(partial_, code);
    throw;
  }
}

OutputFolder::~OutputFolder() {
  std::error_code ignored;
  if (!committed_) fs::remove_all(partial_, ignored);
}

void OutputFolder::require_room(uint64_t bytes) const {
  std::error_code code;
  const fs::space_info space = fs::space(partial_, code);
  if (code || space.available >= bytes) return;
  throw Error({.where = partial_.string(),
               .what = "not enough room on the disk",
               .expected = bytes_text(bytes),
               .got = bytes_text(space.available)});
}

void OutputFolder::keep_mode() {
  std::error_code code;
  const fs::file_status old = fs::status(out_, code);
  if (!fs::is_directory(old)) return;
  fs::permissions(partial_, old.permissions(), code);
  check(code, partial_, "cannot get the mode of the old folder");
}

void OutputFolder::commit() {
  check_free(out_, overwrite_);
  keep_mode();
  std::error_code code;
  const fs::path old = out_.string() + ".replaced";
  const bool replaces = fs::exists(out_, code) && !fs::is_empty(out_, code);
  if (replaces) {
    fs::rename(out_, old, code);
    check(code, out_, "cannot move the old folder out of the way");
  }
  fs::rename(partial_, out_, code);
  if (code) {
    std::error_code ignored;
    if (replaces) fs::rename(old, out_, ignored);
    check(code, out_, "cannot put the finished folder in its place");
  }
  committed_ = true;
  folders_.keep();
  if (!replaces) return;
  fs::remove_all(old, code);
  check(code, old, "the new folder is in place, but the old one cannot be removed");
}

}  // namespace starnest
