// The small files of a model folder that every copy keeps.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace starnest {

// Copies the small files directly in `from`: tokenizer, generation config, chat template, licence and so on. Not
// copied: config.json and hf_quant_config.json (the caller writes its own), elastic.json, SHA256SUMS, weights and their
// index, hidden and unfinished files, folders. A file above 64 MiB is left out with a note. Throws Error naming the
// file that cannot be copied.
void copy_small_files(const std::filesystem::path& from, const std::filesystem::path& to,
                      const std::function<void(const std::string&)>& note);

// What a copy of the model may never replace: its folder, what its files are links to, and `others`.
std::vector<std::filesystem::path> sources_of(const std::filesystem::path& folder,
                                              std::vector<std::filesystem::path> others);

}  // namespace starnest
