#include "base/cgroup.h"

#include <algorithm>
#include <fstream>

namespace starnest {
namespace {

namespace fs = std::filesystem;

// Version 2 ("0::/a/b"), or a controller of version 1 ("5:memory:/a/b", "4:cpu,cpuacct:/a/b").
std::string group_path(const fs::path& root, const std::string& controller) {
  std::ifstream groups(root / "proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const size_t name = line.find(':') + 1, path = line.find(':', name) + 1;
    if (name && path && line.substr(name, path - 1 - name) == controller) return line.substr(path);
  }
  return {};
}

}  // namespace

void visit_cgroups(const fs::path& root, const fs::path& mount, const std::string& controller,
                   const std::function<void(const fs::path&)>& visit) {
  for (std::string path = group_path(root, controller);; path.resize(std::min(path.rfind('/'), path.size()))) {
    while (!path.empty() && path.back() == '/') path.pop_back();
    visit(mount.string() + path);
    if (path.empty()) return;
  }
}

std::optional<double> number_in(const fs::path& file) {
  std::ifstream in(file);
  double number = 0;
  return in >> number ? std::optional(number) : std::nullopt;
}

}  // namespace starnest
