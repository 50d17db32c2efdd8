#include "format/text/tokenizer.h"

#include <algorithm>
#include <deque>

#include "base/text.h"
#include "base/utf8.h"
#include "format/text/tokenizer_data.h"
#include "format/text/unicode.h"
#include "starnest/error.h"

namespace starnest {
namespace {

// One call of encode.
class Encoder {
 public:
  Encoder(const TokenizerData& data, std::string_view text, bool parse_special)
      : data_(data), text_(text), parse_special_(parse_special) {}

  std::vector<TokenId> run() {
    for (const AddedSegment& segment : data_.raw_added.split(text_, parse_special_)) {
      if (segment.id >= 0)
        ids_.push_back(segment.id);
      else
        encode_raw(segment.begin, segment.end);
    }
    return std::move(ids_);
  }

 private:
  void encode_raw(size_t begin, size_t end) {
    raw_ = text_.substr(begin, end - begin);
    raw_begin_ = begin;
    const bool changes = data_.nfc && !is_surely_nfc(raw_);
    const std::string_view normal = changes ? std::string_view(storage_.emplace_back(to_nfc(raw_))) : raw_;
    for (const AddedSegment& segment : data_.normalized_added.split(normal, parse_special_)) {
      if (segment.id >= 0)
        ids_.push_back(segment.id);
      else
        encode_section(normal, segment.begin, segment.end);
    }
  }

  void encode_section(std::string_view normal, size_t begin, size_t end) {
    for (const Piece& piece : data_.pretokenizer.split(normal.substr(begin, end - begin), storage_)) {
      if (repeat(piece.text) || whole(piece.text)) continue;
      const size_t first = ids_.size();
      if (const auto missing = data_.bpe.encode(piece.text, scratch_, ids_)) {
        if (piece.has_added_space && *missing == 0)
          cannot_spell(U' ', raw_begin_ + raw_offset(normal, begin + piece.offset));
        const size_t at = begin + piece.offset + *missing - (piece.has_added_space ? 1 : 0);
        cannot_spell_at(normal, at);
      }
      seen_.emplace(piece.text, Seen{first, ids_.size() - first});
    }
  }

  // Words recur: their ids are copied from where they were made first. `storage_` keeps all pieces alive.
  bool repeat(std::string_view piece) {
    const auto found = seen_.find(piece);
    if (found == seen_.end()) return false;
    for (size_t i = 0; i < found->second.count; ++i) ids_.push_back(ids_[found->second.first + i]);
    return true;
  }

  bool whole(std::string_view piece) {
    if (!data_.ignore_merges) return false;
    const auto found = data_.ids.find(spell_bytes(piece));
    if (found == data_.ids.end()) return false;
    // Text that only looks like a special token must not become one when special tokens are not parsed.
    const TokenEntry& entry = data_.tokens[size_t(found->second)];
    if (!entry.in_vocab || entry.special) return false;
    ids_.push_back(found->second);
    return true;
  }

  // The offset in raw_ of the character from which byte `offset` of its normal form comes: the last prefix of whole
  // characters whose normal form is not longer than `offset`. Only for messages.
  size_t raw_offset(std::string_view normal, size_t offset) const {
    if (normal.data() == raw_.data()) return offset;
    size_t low = 0, high = raw_.size();
    while (low < high) {
      size_t middle = high - (high - low) / 2;
      while (middle < high && is_continuation(raw_[middle])) ++middle;
      if (to_nfc(raw_.substr(0, middle)).size() <= offset) {
        low = middle;
      } else {
        high = middle - 1;
        while (high > low && is_continuation(raw_[high])) --high;
      }
    }
    return low;
  }

  [[noreturn]] void cannot_spell_at(std::string_view normal, size_t at) const {
    while (at > 0 && is_continuation(normal[at])) --at;
    cannot_spell(code_point_at(normal, at), raw_begin_ + raw_offset(normal, at));
  }

  [[noreturn]] void cannot_spell(char32_t c, size_t offset) const {
    throw Error({.where = "text",
                 .what = "the vocabulary has no token for " + describe_char(c) + " at byte " + std::to_string(offset),
                 .hint = "Remove this character, or use a model whose vocabulary has it"});
  }

  struct Seen {
    size_t first, count;  // in ids_
  };
  const TokenizerData& data_;
  std::string_view text_, raw_;
  size_t raw_begin_ = 0;
  bool parse_special_;
  std::vector<TokenId> ids_;
  std::deque<std::string> storage_;
  std::unordered_map<std::string_view, Seen> seen_;
  Bpe::Scratch scratch_;
};

const TokenEntry* entry_of(const TokenizerData& data, TokenId id) {
  return id >= 0 && size_t(id) < data.tokens.size() ? &data.tokens[size_t(id)] : nullptr;
}

}  // namespace

Tokenizer::Tokenizer(std::shared_ptr<const TokenizerData> data) : data_(std::move(data)), size_(data_->tokens.size()) {}

Tokenizer::Tokenizer(const std::filesystem::path& tokenizer_json)
    : Tokenizer(std::make_shared<const TokenizerData>(read_tokenizer_json(tokenizer_json))) {}

Tokenizer Tokenizer::parse(std::string_view json, const std::string& where) {
  return Tokenizer(std::make_shared<const TokenizerData>(parse_tokenizer_json(json, where)));
}

Tokenizer Tokenizer::for_vocabulary(size_t vocabulary) const {
  Tokenizer limited = *this;
  limited.size_ = std::min(size_, vocabulary);
  return limited;
}

void Tokenizer::require_known(std::span<const TokenId> ids) const {
  for (const TokenId id : ids)
    if (size_t(id) >= size_)
      throw Error({.where = "text",
                   .what = "needs the token " + in_quotes(token_text(id)) + ", which the model does not have",
                   .expected = "ids below " + std::to_string(size_),
                   .got = std::to_string(id),
                   .hint = "tokenizer.json has more tokens than the model has embeddings"});
}

std::vector<TokenId> Tokenizer::encode(std::string_view utf8, const EncodeOptions& options) const {
  if (const size_t bad = valid_utf8_prefix(utf8); bad != utf8.size()) {
    throw Error({.where = "text",
                 .what = "is not UTF-8 from byte " + std::to_string(bad) + " on",
                 .hint = "Convert it to UTF-8 first"});
  }
  std::vector<TokenId> ids = Encoder(*data_, utf8, options.parse_special_tokens).run();
  if (options.add_special_tokens) {
    ids.insert(ids.begin(), data_->prefix.begin(), data_->prefix.end());
    ids.insert(ids.end(), data_->suffix.begin(), data_->suffix.end());
  }
  if (size_ < data_->tokens.size()) require_known(ids);
  return ids;
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool skip_special) const {
  std::string bytes, text;
  for (const TokenId id : ids) {
    const TokenEntry* entry = entry_of(*data_, id);
    if (entry && !(skip_special && entry->special)) bytes += entry->bytes;
  }
  append_lossy(text, bytes, /*is_end=*/true);
  return text;
}

std::optional<TokenId> Tokenizer::id_of(std::string_view token) const {
  const auto found = data_->ids.find(token);
  const bool known = found != data_->ids.end() && size_t(found->second) < size_;
  return known ? std::optional(found->second) : std::nullopt;
}

std::string Tokenizer::token_bytes(TokenId id) const {
  const TokenEntry* entry = entry_of(*data_, id);
  return entry ? entry->bytes : std::string();
}

std::string Tokenizer::token_text(TokenId id) const {
  const TokenEntry* entry = entry_of(*data_, id);
  return entry ? entry->text : std::string();
}

bool Tokenizer::is_special(TokenId id) const {
  const TokenEntry* entry = entry_of(*data_, id);
  return entry && entry->special;
}

size_t Tokenizer::size() const { return size_; }

std::string StreamDecoder::push(TokenId id) {
  if (skip_special_ && tokenizer_->is_special(id)) return {};
  pending_ += tokenizer_->token_bytes(id);
  std::string text;
  pending_.erase(0, append_lossy(text, pending_, /*is_end=*/false));
  return text;
}

std::string StreamDecoder::finish() {
  std::string text;
  append_lossy(text, pending_, /*is_end=*/true);
  pending_.clear();
  return text;
}

}  // namespace starnest
