// How much memory a process may still take.
#pragma once

#include <cstdint>
#include <filesystem>

namespace starnest {

// Bytes that can be taken without swapping: MemAvailable of /proc/meminfo, lowered to what the limits of this process's
// cgroup and its parents (version 2, else 1) leave; their file cache counts as free, since it is dropped on demand.
// Without /proc: all the memory there can be. `root` is for tests.
uint64_t available_memory(const std::filesystem::path& root = "/");

}  // namespace starnest
