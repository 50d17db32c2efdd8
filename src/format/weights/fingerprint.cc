#include "format/weights/fingerprint.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/file.h"
#include "format/weights/checkpoint.h"
#include "format/weights/sha256.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kWhole = 256 * kMiB;  // read from end to end up to here
constexpr uint64_t kSample = 4096;       // bytes of every MiB above

constexpr std::array<std::string_view, 4> kTextFiles{"tokenizer.json", "tokenizer_config.json", "chat_template.jinja",
                                                     "generation_config.json"};

// Adds bytes [begin, begin + count) in pieces, without mapping them in.
void add(Sha256& digest, const MappedFile& file, uint64_t begin, uint64_t count) {
  std::vector<std::byte> piece(std::min(count, kMiB));
  for (uint64_t at = begin; at < begin + count; at += piece.size()) {
    const auto part = std::span(piece).first(std::min<uint64_t>(piece.size(), begin + count - at));
    file.read_at(at, part);
    digest.update(part);
  }
}

std::string if_there(const fs::path& file) { return fs::is_regular_file(file) ? fingerprint(file) : std::string(); }

std::string fingerprint_of_weights(const fs::path& folder) {
  if (!has_weights(folder)) return {};
  std::vector<fs::path> files;
  const Checkpoint checkpoint(folder);
  for (const SafetensorsFile& file : checkpoint.files()) files.push_back(file.path());
  return fingerprint(files);
}

}  // namespace

std::string fingerprint(const fs::path& path) {
  if (!fs::is_regular_file(path)) return "unknown";
  const MappedFile file(path);
  const uint64_t size = file.bytes().size();
  Sha256 digest;
  digest.update(std::to_string(size) + "\n");
  if (size <= kWhole) {
    add(digest, file, 0, size);
    return digest.hex();
  }
  add(digest, file, 0, kMiB);
  for (uint64_t at = kMiB; at + kSample <= size; at += kMiB) add(digest, file, at, kSample);
  add(digest, file, size - kSample, kSample);
  return digest.hex();
}

std::string fingerprint(const std::vector<fs::path>& files) {
  Sha256 digest;
  for (const fs::path& file : files) digest.update(fingerprint(file) + "\n");
  return digest.hex();
}

ModelFingerprint model_fingerprint(const fs::path& folder, const std::string& elastic) {
  std::string text;
  for (const std::string_view name : kTextFiles) text += std::string(name) + " " + if_there(folder / name) + "\n";
  const bool preset = !elastic.empty() && !fs::is_regular_file(elastic);
  return {.config = if_there(folder / "config.json"),
          .sizes = preset ? elastic : if_there(elastic.empty() ? folder / "elastic.json" : fs::path(elastic)),
          .text = sha256_hex(std::as_bytes(std::span(text))),
          .weights = fingerprint_of_weights(folder)};
}

std::vector<fs::path> model_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const char* name : {"config.json", "elastic.json", "model.safetensors", "model.safetensors.index.json"})
    files.push_back(folder / name);
  for (const std::string_view name : kTextFiles) files.push_back(folder / name);
  std::error_code code;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code))
    if (entry->path().extension() == ".safetensors") files.push_back(entry->path());
  return files;
}

}  // namespace starnest
