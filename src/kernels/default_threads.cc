#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <thread>

#include "kernels/threads.h"

namespace starnest {
namespace {

// "max 100000" or "150000 100000": CPUs granted, 0 for no limit.
double quota_in(const std::string& path) {
  std::ifstream file(path);
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return 0;
  try {
    return std::stod(quota) / period;
  } catch (const std::exception&) {
    return 0;
  }
}

double number_in(const std::string& path) {
  std::ifstream file(path);
  double number = 0;
  file >> number;
  return number;
}

// The tightest quota of this process's cgroup and its parents; 0 for none. Version 2, then version 1.
double cgroup_quota() {
  std::ifstream groups("/proc/self/cgroup");
  std::string line, path;
  while (std::getline(groups, line))
    if (line.starts_with("0::")) path = line.substr(3);
  double tightest = 0;
  for (;; path.resize(std::min(path.rfind('/'), path.size()))) {
    while (!path.empty() && path.back() == '/') path.pop_back();
    const double quota = quota_in("/sys/fs/cgroup" + path + "/cpu.max");
    if (quota > 0 && (tightest == 0 || quota < tightest)) tightest = quota;
    if (path.empty()) break;
  }
  const double period = number_in("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  const double quota = number_in("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");  // -1 for none
  return tightest == 0 && period > 0 && quota > 0 ? quota / period : tightest;
}

}  // namespace

int default_threads() {
  cpu_set_t mask;
  const int allowed =
      sched_getaffinity(0, sizeof mask, &mask) == 0 ? CPU_COUNT(&mask) : int(std::thread::hardware_concurrency());
  const double quota = cgroup_quota();
  const int granted = quota > 0 && quota < allowed ? int(std::ceil(quota)) : allowed;
  return std::max(granted, 1);
}

}  // namespace starnest
