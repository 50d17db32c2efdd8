#include "base/source_file.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

#include "starnest/error.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

// The first part of `path` that is a link to nothing; empty: there is none.
fs::path dangling_link(const fs::path& path) {
  fs::path part;
  std::error_code code;
  for (const fs::path& name : path) {
    part /= name;
    if (fs::exists(part, code)) continue;
    return fs::is_symlink(part, code) ? part : fs::path();
  }
  return {};
}

void refuse_dangling(const fs::path& path) {
  const fs::path link = dangling_link(path);
  if (link.empty()) return;
  std::error_code code;
  throw Error({.where = link.string(),
               .what = "is a link to nothing: it points to " + fs::read_symlink(link, code).string(),
               .hint = "Fetch the file that it points to, or make the link anew"});
}

}  // namespace

bool is_there(const fs::path& path) {
  std::error_code code;
  if (fs::exists(path, code)) return true;
  refuse_dangling(path);
  return false;
}

void cannot_open(const fs::path& path) {
  const int code = errno;
  refuse_dangling(path);
  throw Error(path.string(), std::string("cannot open (") + std::strerror(code) + ")");
}

void refuse_lfs_pointer(const fs::path& path, std::string_view beginning, uint64_t size) {
  if (size >= kLfsPointerBytes || !beginning.starts_with(kLfsPointer)) return;
  throw Error({.where = path.string(),
               .what = "is a Git LFS pointer, which stands for a file that was not fetched",
               .hint = "Fetch it with 'git lfs pull' in the repository, or download the file itself"});
}

}  // namespace starnest
