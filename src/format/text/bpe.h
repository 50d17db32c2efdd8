// Private to format: byte-pair merging (Sennrich et al. 2016) over bytes, and the alphabet that files spell bytes in.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/dims.h"

namespace starnest {

// Printable bytes stand for themselves, the other 68 for U+0100 and on, in order (GPT-2's bytes_to_unicode), so that
// every token is readable text.
std::string spell_bytes(std::string_view bytes);  // " a" -> "Ġa"
// The inverse; nothing when `text` (valid UTF-8) has a character outside the alphabet.
std::optional<std::string> unspell_bytes(std::string_view text);

// Immutable once filled; encode is safe from any thread with a scratch of its own.
class Bpe {
 public:
  Bpe() { byte_ids_.fill(-1); }

  void set_byte(uint8_t byte, TokenId id) { byte_ids_[byte] = id; }
  void set_unknown(TokenId id, bool fuse) { unknown_ = id, fuse_unknown_ = fuse; }
  // The next merge in rank. A pair given twice keeps the later rank, as in HF tokenizers.
  void add_merge(TokenId left, TokenId right, TokenId merged);

  static constexpr size_t kNone = size_t(-1);
  struct Symbol {
    TokenId id;
    size_t previous, next;  // kNone at the ends
    bool alive;
  };
  struct Candidate {  // the pair that begins at `position`, as it was when it was found
    uint32_t rank;
    TokenId merged;
    size_t position;
  };
  struct Scratch {
    std::vector<Symbol> symbols;
    std::vector<Candidate> heap;
  };

  // Appends the ids of one piece. Returns the index of the first byte that has no token, or nothing when all have one;
  // with an unknown token set, that token takes their place. O(n log n) in the length of the piece.
  std::optional<size_t> encode(std::string_view bytes, Scratch& scratch, std::vector<TokenId>& ids) const;

 private:
  struct Merge {
    uint32_t rank;
    TokenId merged;
  };
  std::optional<size_t> spell(std::string_view bytes, std::vector<Symbol>& symbols) const;
  void merge_all(Scratch& scratch) const;
  void push_candidate(size_t position, Scratch& scratch) const;
  const Merge* merge_of(TokenId left, TokenId right) const;

  std::array<TokenId, 256> byte_ids_;
  TokenId unknown_ = -1;
  bool fuse_unknown_ = false;
  uint32_t next_rank_ = 0;
  std::unordered_map<uint64_t, Merge> merges_;
};

}  // namespace starnest
