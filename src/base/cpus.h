// How many processors a process may use.
#pragma once

#include <filesystem>

namespace starnest {

// Those that the scheduler allows (taskset), lowered to the CPU time that the limits of this process's cgroup and its
// parents (version 2, else 1) grant, rounded up; at least 1. `root` is for tests.
int usable_cpus(const std::filesystem::path& root = "/");

}  // namespace starnest
