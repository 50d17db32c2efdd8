// A folder that appears whole or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "base/output.h"

namespace starnest {

enum class Overwrite { refuse, replace };

// The folder is built beside its final place, in `<out>.partial`, and renamed by commit(). Without commit() the partial
// folder is removed and whatever was at `out` stays. With Overwrite::replace an old folder is removed after the new one
// is in its place, with its mode. Not thread-safe.
//
// The constructor throws Error when: `out` is not a folder, is a mount point, is not empty (unless it may be replaced),
// holds folders (then it is no model folder and is never replaced), is or contains one of `sources`, cannot be created,
// or when `<out>.partial` is there already. commit() throws Error when something has come to `out` since.
class OutputFolder {
 public:
  OutputFolder(const std::filesystem::path& out, std::span<const std::filesystem::path> sources, Overwrite overwrite);
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  const std::filesystem::path& partial() const { return partial_; }  // write the files here
  // Throws Error when the disk has less room than that.
  void require_room(uint64_t bytes) const;
  void commit();

 private:
  void keep_mode();

  std::filesystem::path out_;
  Overwrite overwrite_;
  MadeFolders folders_;  // above out_
  std::filesystem::path partial_;
  bool committed_ = false;
};

}  // namespace starnest
