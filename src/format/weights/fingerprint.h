// What files hold, whatever they are called and wherever they lie: how a run that goes on knows its inputs.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace starnest {

// 64 hex digits: SHA-256 of the length and of the bytes, all of them up to 256 MiB, else the first MiB (headers), the
// last 4 KiB and 4 KiB of every MiB. "unknown" for what is not a regular file, such as a pipe, which can be read once.
// Throws Error when a file cannot be read.
std::string fingerprint(const std::filesystem::path& file);
std::string fingerprint(const std::vector<std::filesystem::path>& files);  // of their contents, in this order

// The parts of a model that decide what it writes. Empty where there is no such file.
struct ModelFingerprint {
  std::string config;   // config.json
  std::string sizes;    // elastic.json, or what is used in its place: a file, or the name of a preset
  std::string text;     // tokenizer, chat template and generation_config.json
  std::string weights;  // all shards
};
ModelFingerprint model_fingerprint(const std::filesystem::path& folder, const std::string& elastic);

// Every file that a model folder is read from, also those it could have and lacks.
std::vector<std::filesystem::path> model_files(const std::filesystem::path& folder);

}  // namespace starnest
