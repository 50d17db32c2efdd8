// Text to token ids and back: byte-level BPE as described by a Hugging Face tokenizer.json.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/dims.h"

namespace starnest {

struct TokenizerData;  // private: format/text/tokenizer_data.h

// Immutable and safe from any thread; copies share their tables.
//
// Understood, and equal to HF `tokenizers` in ids: model BPE; normalizer null, NFC and Sequence of these; pre_tokenizer
// ByteLevel, Split, Digits and Sequence of these, ByteLevel last; post_processor TemplateProcessing, ByteLevel and
// Sequence; decoder ByteLevel; added_tokens with all their flags. "truncation" and "padding" describe batches and are
// left to the caller, as in transformers. Anything else in the file throws Error naming it. Two deliberate differences:
// an added token decodes to its text as written, and without parse_special_tokens no text ever becomes a special token.
// Characters newer than Unicode 14 are cut as unassigned ones.
class Tokenizer {
 public:
  explicit Tokenizer(const std::filesystem::path& tokenizer_json);
  static Tokenizer parse(std::string_view json, const std::string& where);  // the text of such a file

  // The same for a model of `vocabulary` tokens, which may be fewer: those beyond do not exist (id_of, size), and a
  // text that needs one is refused by encode, which names it.
  Tokenizer for_vocabulary(size_t vocabulary) const;

  struct EncodeOptions {
    bool add_special_tokens = true;    // what the post_processor puts around a text
    bool parse_special_tokens = true;  // false: the text of a special token is ordinary text (for untrusted input)
  };
  // Throws Error for invalid UTF-8, naming the byte offset, and for a character that the vocabulary cannot spell,
  // naming it and its byte offset (with an unk_token in the file, that token takes its place instead).
  std::vector<TokenId> encode(std::string_view utf8, const EncodeOptions& options) const;
  std::vector<TokenId> encode(std::string_view utf8) const { return encode(utf8, EncodeOptions{}); }

  // Always valid UTF-8: what is not becomes U+FFFD, as in HF. Ids without a token stand for nothing.
  std::string decode(std::span<const TokenId> ids, bool skip_special) const;

  std::optional<TokenId> id_of(std::string_view token) const;  // whole token, spelled as in the file; added ones too
  std::string token_bytes(TokenId id) const;  // bytes that it stands for, maybe part of a character; "" for no token
  std::string token_text(TokenId id) const;   // spelled as in the file; "" for no token
  bool is_special(TokenId id) const;
  size_t size() const;  // ids are 0 .. size-1; some may have no token

 private:
  explicit Tokenizer(std::shared_ptr<const TokenizerData> data);
  void require_known(std::span<const TokenId> ids) const;

  std::shared_ptr<const TokenizerData> data_;
  size_t size_;  // at most that of data_
};

// Text of a growing list of ids: what push and finish return, joined, equals decode of all ids. Holds back the bytes of
// a character that is not complete yet. Not thread-safe; the tokenizer must outlive it.
class StreamDecoder {
 public:
  StreamDecoder(const Tokenizer& tokenizer, bool skip_special) : tokenizer_(&tokenizer), skip_special_(skip_special) {}

  std::string push(TokenId id);
  std::string finish();  // what is held back, as U+FFFD; afterwards the decoder is as new

 private:
  const Tokenizer* tokenizer_;
  bool skip_special_;
  std::string pending_;  // at most 3 bytes between calls
};

}  // namespace starnest
