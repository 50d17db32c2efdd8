// Files that are written: whole or not at all, by one writer, through links and devices, never over an input.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace starnest {

// What a path names for a writer. Links are followed, also one to a file that is not there yet.
struct OutputPlace {
  enum class Kind {
    file,        // a regular file, or nothing yet
    stream,      // a device or a FIFO: is written through, never replaced
    descriptor,  // what this process has open, such as /dev/stdout: is written through
  };
  Kind kind = Kind::file;
  std::filesystem::path given;  // for messages
  std::filesystem::path path;   // without links
  int descriptor = -1;
};
// Throws Error for an empty path, a folder, a file that may not be written, and links in a circle.
OutputPlace output_place(const std::filesystem::path& path);

// An output or input of a command: how it was asked for ("--json") and where it is.
struct NamedPath {
  std::string name;
  std::filesystem::path path;
};
// Whether both name one file, whatever the spelling: links, hard links, "./", "//", other working folders. Devices and
// FIFOs are no files.
bool same_file(const std::filesystem::path& a, const std::filesystem::path& b);
// Throws Error naming an output that is the file of an input, or of another output.
void check_outputs(std::span<const NamedPath> outputs, std::span<const NamedPath> inputs);

// A folder and those above it, made where they are missing. Those made here that are still empty go away with the
// object, unless keep() was called. A folder that cannot be made is left to whoever opens a file in it.
class MadeFolders {
 public:
  explicit MadeFolders(const std::filesystem::path& folder);
  ~MadeFolders();
  MadeFolders(const MadeFolders&) = delete;
  MadeFolders& operator=(const MadeFolders&) = delete;
  void keep() { made_.clear(); }

 private:
  std::vector<std::filesystem::path> made_;  // the innermost first
};

// A regular file is written beside its place, under a name that no other writer has, and takes its place and its mode
// on commit(), flushed to the disk. Without commit() `path` is untouched and nothing stays behind. A device, a FIFO or
// a descriptor of this process is written through as the bytes come. Makes the folder of `path` where it is missing.
// Every failure (disk full included) throws Error naming the file. Several writers of one path: the last commit wins,
// whole.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }
  // At a place of its own, whatever write() has written; only into a regular file.
  void write_at(uint64_t offset, std::span<const std::byte> bytes);
  void commit();
  const std::filesystem::path& path() const { return place_.given; }  // as it was asked for

 private:
  void create_temporary();
  void replace();

  OutputPlace place_;
  MadeFolders folders_;
  std::filesystem::path temporary_;  // empty: written through, or committed
  int descriptor_ = -1;
};

void write_text(const std::filesystem::path& path, std::string_view text);  // through AtomicFile

// Throws Error when AtomicFile or open_to_append could not write there. Changes nothing.
void check_writable(const std::filesystem::path& path);

// Removes what AtomicFile left in `folder` in processes that were killed. The caller knows that nobody writes there.
void remove_unfinished(const std::filesystem::path& folder);

// Opens a place for a writer that adds at the end: what it holds stays. Makes its folder. A regular file is locked: a
// second writer gets an Error while the first one lives.
int open_to_append(const OutputPlace& place);

// A file that is there while something is written, held by one process: an Error for a second one. Ends with the
// object, or with the process however that ends. Where the file system knows no locks, nothing is refused.
class FileLock {
 public:
  // `what`, for the message: "the run in this folder".
  FileLock(std::filesystem::path path, const std::string& what);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace starnest
