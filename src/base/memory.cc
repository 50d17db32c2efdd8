#include "base/memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

#include "base/cgroup.h"

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

uint64_t left_in(const fs::path& group, const char* limit, const char* usage) {
  const auto most = number_in(group / limit), used = number_in(group / usage);
  if (!most || !used || *most >= double(kUnlimited)) return kUnlimited;
  const double cache = double(number_of(group / "memory.stat", "inactive_file").value_or(0));
  return uint64_t(std::max(0.0, *most - std::max(0.0, *used - cache)));
}

// The tightest of a group and its parents.
uint64_t left_in_all(const fs::path& root, const fs::path& mount, const std::string& controller, const char* limit,
                     const char* usage) {
  uint64_t left = kUnlimited;
  visit_cgroups(root, mount, controller,
                [&](const fs::path& group) { left = std::min(left, left_in(group, limit, usage)); });
  return left;
}

}  // namespace

uint64_t available_memory(const fs::path& root) {
  const auto free_kib = number_of(root / "proc/meminfo", "MemAvailable:");
  const fs::path mount = root / "sys/fs/cgroup";
  const uint64_t v2 = left_in_all(root, mount, "", "memory.max", "memory.current");
  const uint64_t v1 = left_in_all(root, mount / "memory", "memory", "memory.limit_in_bytes", "memory.usage_in_bytes");
  return std::min({free_kib ? *free_kib * 1024 : kUnlimited, v2, v1});
}

}  // namespace starnest
