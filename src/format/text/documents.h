// The documents of a text corpus as token ids.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/dims.h"
#include "format/text/tokenizer.h"

namespace starnest {

struct TokenDocument {
  std::vector<TokenId> ids;
  size_t completion_start = 0;  // index of the first token that is learned; those before it are the prompt
};

struct DocumentSettings {
  std::optional<TokenId> end = {};  // added to every document
  uint64_t most_bad = 0;            // documents that may be bad before the file is refused
};

struct DocumentCounts {
  uint64_t documents = 0, tokens = 0, bad = 0;
  uint64_t empty = 0;  // without a token to learn

  DocumentCounts& operator+=(const DocumentCounts& more);
};

// Calls `each` for the documents of a file in turn.
//   *.json, *.jsonl, *.ndjson  one object per line, or one array of objects: "text", or "prompt" and "completion";
//   other
//                              keys are ignored
//   any other                  plain text; a line <|endoftext|> ends a document, and without one the file is one
// A pipe may stand for a file. Where it has no such name, it holds JSON when its first line is a JSON object.
//
// An empty document (no text, no completion, blank lines alone) is counted and left out. A bad one (not JSON, neither
// of the keys, invalid UTF-8, a character that the vocabulary cannot spell) is named through `note`, counted and left
// out. Throws Error, which repeats the last of them, when there are more than settings.most_bad, when the file cannot
// be read, or when no document is left.
DocumentCounts read_documents(const std::filesystem::path& file, const Tokenizer& tokenizer,
                              const DocumentSettings& settings, const std::function<void(const std::string&)>& note,
                              const std::function<void(const TokenDocument&)>& each);

// "2 empty documents are left out"; empty where there is none. For a note.
std::string empty_text(const DocumentCounts& counts);

}  // namespace starnest
