#include "base/memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

namespace starnest {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();

// The number after `key` (alone on its line in front of it), e.g. "MemAvailable:" or "inactive_file".
std::optional<uint64_t> number_of(const fs::path& file, const std::string& key) {
  std::ifstream in(file);
  std::string word;
  for (uint64_t number = 0; in >> word; in.ignore(kUnlimited >> 1, '\n'))
    if (word == key && in >> number) return number;
  return std::nullopt;
}

// A file with one number; nullopt when it is absent or says "max".
std::optional<uint64_t> number_in(const fs::path& file) {
  std::ifstream in(file);
  uint64_t number = 0;
  if (in >> number) return number;
  return std::nullopt;
}

uint64_t left_in(const fs::path& group, const char* limit, const char* usage) {
  const auto most = number_in(group / limit), used = number_in(group / usage);
  if (!most || !used) return kUnlimited;
  const uint64_t cache = number_of(group / "memory.stat", "inactive_file").value_or(0);
  const uint64_t held = *used - std::min(cache, *used);
  return *most - std::min(held, *most);
}

// The cgroup of this process in a hierarchy: version 2 ("0::/a/b"), or version 1's memory controller ("5:memory:/a/b").
std::string group_path(const fs::path& root, const std::string& controller) {
  std::ifstream groups(root / "proc/self/cgroup");
  std::string line;
  while (std::getline(groups, line)) {
    const size_t name = line.find(':') + 1, path = line.find(':', name) + 1;
    if (name && path && line.substr(name, path - 1 - name) == controller) return line.substr(path);
  }
  return {};
}

// The tightest of a group and its parents. In a container the own group is mounted as the root.
uint64_t left_in_all(const fs::path& mount, std::string path, const char* limit, const char* usage) {
  uint64_t left = kUnlimited;
  for (;; path.resize(std::min(path.rfind('/'), path.size()))) {
    while (!path.empty() && path.back() == '/') path.pop_back();
    left = std::min(left, left_in(mount.string() + path, limit, usage));
    if (path.empty()) return left;
  }
}

}  // namespace

uint64_t available_memory(const fs::path& root) {
  const auto free_kib = number_of(root / "proc/meminfo", "MemAvailable:");
  const fs::path mount = root / "sys/fs/cgroup";
  const uint64_t v2 = left_in_all(mount, group_path(root, ""), "memory.max", "memory.current");
  const uint64_t v1 =
      left_in_all(mount / "memory", group_path(root, "memory"), "memory.limit_in_bytes", "memory.usage_in_bytes");
  return std::min({free_kib ? *free_kib * 1024 : kUnlimited, v2, v1});
}

}  // namespace starnest
