#include "convert/small_files.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/file.h"
#include "base/source_file.h"
#include "base/text.h"
#include "format/json/quantization_config.h"
#include "format/weights/fingerprint.h"
#include "starnest/error.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kSmall = uint64_t{64} << 20;
constexpr std::array<std::string_view, 4> kNotCopied{"config.json", kHfQuantConfig, "elastic.json", "SHA256SUMS"};
// What programs read, not people.
constexpr std::array<std::string_view, 4> kOfModels{".json", ".jinja", ".model", ".txt"};
constexpr std::array<std::string_view, 11> kWeights{".safetensors", ".safetensors.index.json",
                                                    ".bin",         ".bin.index.json",
                                                    ".pt",          ".pth",
                                                    ".ckpt",        ".gguf",
                                                    ".h5",          ".msgpack",
                                                    ".onnx"};

bool ends_in(std::string_view name, std::span<const std::string_view> endings) {
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) { return name.ends_with(ending); });
}

bool is_copied(std::string_view name) {
  if (name.starts_with(".") || name.ends_with(".tmp")) return false;
  if (std::find(kNotCopied.begin(), kNotCopied.end(), name) != kNotCopied.end()) return false;
  return !ends_in(name, kWeights);
}

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code code, ignored;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code))
    if (is_copied(entry->path().filename().string()) && is_there(entry->path()) &&
        fs::is_regular_file(entry->path(), ignored))
      files.push_back(entry->path());
  if (code) throw Error(folder.string(), "cannot read this folder (" + code.message() + ")");
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

void copy_small_files(const fs::path& from, const fs::path& to, const std::function<void(const std::string&)>& note) {
  for (const fs::path& file : files_in(from)) {
    const std::string name = file.filename().string();
    if (ends_in(name, kOfModels)) const MappedFile fetched(file);  // throws for a Git LFS pointer
    std::error_code code;
    const uint64_t bytes = fs::file_size(file, code);
    if (!code && bytes > kSmall) {
      note("left out " + name + ", which is too large for a small file (" + bytes_text(bytes) + ")");
      continue;
    }
    if (!code) fs::copy_file(file, to / name, fs::copy_options::overwrite_existing, code);
    if (code) throw Error(file.string(), "cannot be copied to " + to.string() + " (" + code.message() + ")");
  }
}

std::vector<fs::path> sources_of(const fs::path& folder, std::vector<fs::path> others) {
  others.push_back(folder);
  for (const fs::path& file : model_files(folder)) others.push_back(file);
  return others;
}

}  // namespace starnest
