// The inputs of a run by what they hold, for settings texts: a resumed run has the same data, parent and tokenizer,
// wherever they lie now.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace starnest::train {

// "content 0123...", from format/weights/fingerprint.h.
std::string file_content(const std::filesystem::path& file);
std::string corpus_content(const std::string& file);   // a file of text, or PREFIX of token shards
std::string model_content(const std::string& folder);  // config, weights, tokenizer and templates; empty for no name

// Whether a line "key = value" of a settings text has such a value.
bool holds_content(const std::string& line);

}  // namespace starnest::train
