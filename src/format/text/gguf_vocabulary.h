// The tokenizer of a model folder as GGUF metadata.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "format/json/hf_config.h"
#include "format/weights/gguf_writer.h"

namespace starnest {

struct GgufVocabulary {
  std::vector<GgufKey> keys;
  std::string missing;  // why the keys say that there is no tokenizer; empty when there is one
};

// For a model of `vocabulary` tokens: pieces, kinds, merges, special ids and the chat template of a byte-level BPE.
// llama.cpp knows ways of cutting a text by name only: a tokenizer.json that cuts in another way, or none at all, is no
// tokenizer there. Throws Error for a tokenizer.json that this program does not read either.
GgufVocabulary gguf_vocabulary(const std::filesystem::path& folder, const HfConfig& config, size_t vocabulary);

}  // namespace starnest
