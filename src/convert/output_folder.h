// A folder that appears whole or not at all.
#pragma once

#include <filesystem>

namespace starnest {

enum class Overwrite { refuse, replace };

// The folder is built beside its final place, in `<out>.partial`, and renamed by commit(). Without commit() the partial
// folder is removed and whatever was at `out` stays. With Overwrite::replace an old folder is removed after the new one
// is in its place. Not thread-safe.
//
// The constructor throws Error when: `out` is not a folder, is not empty (unless it may be replaced), holds folders
// (then it is no model folder and is never replaced), is or contains `source`, cannot be created, or when
// `<out>.partial` is there already.
class OutputFolder {
 public:
  OutputFolder(const std::filesystem::path& out, const std::filesystem::path& source, Overwrite overwrite);
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  const std::filesystem::path& partial() const { return partial_; }  // write the files here
  void commit();

 private:
  std::filesystem::path out_;
  std::filesystem::path partial_;
  bool committed_ = false;
};

}  // namespace starnest
