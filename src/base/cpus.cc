#include "base/cpus.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <optional>
#include <thread>

#include "base/cgroup.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

constexpr double kUnlimited = std::numeric_limits<double>::infinity();

double granted(std::optional<double> quota, std::optional<double> period) {
  const bool limited = quota && period && *quota > 0 && *period > 0;  // version 1 says -1 for none
  return limited ? *quota / *period : kUnlimited;
}

// "max 100000" or "150000 100000".
double granted_in(const fs::path& file) {
  std::ifstream in(file);
  double quota = 0, period = 0;
  return in >> quota >> period ? granted(quota, period) : kUnlimited;
}

// The tightest of the group and its parents.
double granted_cpus(const fs::path& root) {
  const fs::path mount = root / "sys/fs/cgroup";
  double cpus = kUnlimited;
  visit_cgroups(root, mount, "", [&](const fs::path& group) { cpus = std::min(cpus, granted_in(group / "cpu.max")); });
  visit_cgroups(root, mount / "cpu", "cpu,cpuacct", [&](const fs::path& group) {
    cpus = std::min(cpus, granted(number_in(group / "cpu.cfs_quota_us"), number_in(group / "cpu.cfs_period_us")));
  });
  return cpus;
}

}  // namespace

int usable_cpus(const fs::path& root) {
  cpu_set_t mask;
  const int allowed =
      sched_getaffinity(0, sizeof mask, &mask) == 0 ? CPU_COUNT(&mask) : int(std::thread::hardware_concurrency());
  return std::max(1, int(std::min(double(allowed), std::ceil(granted_cpus(root)))));
}

}  // namespace starnest
