// Files that should be there: why one cannot be read, said so that a user can mend it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace starnest {

// Whether there is something at `path`. Throws Error for a link that leads nowhere, also on the way there: the file was
// meant to be there.
bool is_there(const std::filesystem::path& path);

// Throws Error: `path` could not be opened, and errno says why. Names a link that leads nowhere.
[[noreturn]] void cannot_open(const std::filesystem::path& path);

inline constexpr std::string_view kLfsPointer = "version https://git-lfs.github.com/spec/";
inline constexpr uint64_t kLfsPointerBytes = 1024;  // a pointer is shorter, by its specification

// Throws Error when `beginning`, of a file of `size` bytes, is a Git LFS pointer: text in the place of a large file
// that was not fetched.
void refuse_lfs_pointer(const std::filesystem::path& path, std::string_view beginning, uint64_t size);

}  // namespace starnest
