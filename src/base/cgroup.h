// Private to base: the control groups of Linux that limit this process.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace starnest {

// Calls `visit` with the folder of this process's group and of each of its parents, up to `mount` itself. `controller`:
// "" for version 2, else that of version 1. In a container the own group is mounted as the root. `root` is for tests.
void visit_cgroups(const std::filesystem::path& root, const std::filesystem::path& mount, const std::string& controller,
                   const std::function<void(const std::filesystem::path& group)>& visit);

// A file with one number in front; nullopt when it is absent or begins with another word ("max").
std::optional<double> number_in(const std::filesystem::path& file);

}  // namespace starnest
