// Private to format: what a tokenizer.json holds, ready for use.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "format/text/added_tokens.h"
#include "format/text/bpe.h"
#include "format/text/pretokenizer.h"

namespace starnest {

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

struct TokenEntry {
  std::string text;   // as spelled in the file
  std::string bytes;  // what it stands for
  bool special = false;
  bool in_vocab = true;  // of the model; false: an added token only
};

struct TokenizerData {
  std::vector<TokenEntry> tokens;  // by id; an entry without text is no token
  std::unordered_map<std::string, TokenId, StringHash, std::equal_to<>> ids;
  bool nfc = false;
  AddedTokenMatcher raw_added{{}};         // found in the raw text
  AddedTokenMatcher normalized_added{{}};  // found in the normalised text
  Pretokenizer pretokenizer{{}};
  Bpe bpe;
  bool ignore_merges = false;           // a piece that is a token is not merged from bytes
  std::vector<TokenId> prefix, suffix;  // what the post_processor adds
};

// Throws Error naming the file and the key for whatever is wrong or not supported.
TokenizerData read_tokenizer_json(const std::filesystem::path& path);
TokenizerData parse_tokenizer_json(std::string_view text, const std::string& where);

}  // namespace starnest
