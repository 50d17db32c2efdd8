#include "format/text/bpe.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "base/utf8.h"

namespace starnest {
namespace {

constexpr bool stands_for_itself(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
}

constexpr int kHighest = 0x100 + 67;  // 68 bytes do not stand for themselves

struct Alphabet {
  std::array<char16_t, 256> char_of{};
  std::array<int16_t, kHighest + 1> byte_of{};  // -1: no byte
};

constexpr Alphabet make_alphabet() {
  Alphabet alphabet;
  alphabet.byte_of.fill(-1);
  int next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const int code_point = stands_for_itself(byte) ? byte : next++;
    alphabet.char_of[size_t(byte)] = char16_t(code_point);
    alphabet.byte_of[size_t(code_point)] = int16_t(byte);
  }
  return alphabet;
}

constexpr Alphabet kAlphabet = make_alphabet();

uint64_t key_of_pair(TokenId left, TokenId right) { return (uint64_t(uint32_t(left)) << 32) | uint32_t(right); }

// The heap yields the lowest rank first, and the leftmost of equal ranks.
bool comes_later(const Bpe::Candidate& a, const Bpe::Candidate& b) {
  return std::tie(a.rank, a.position) > std::tie(b.rank, b.position);
}

void append_symbol(TokenId id, std::vector<Bpe::Symbol>& symbols) {
  const size_t position = symbols.size();
  if (position) symbols.back().next = position;
  symbols.push_back({id, position ? position - 1 : Bpe::kNone, Bpe::kNone, true});
}

}  // namespace

std::string spell_bytes(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() + bytes.size() / 4);
  for (const char byte : bytes) append_utf8(text, kAlphabet.char_of[uint8_t(byte)]);
  return text;
}

std::optional<std::string> unspell_bytes(std::string_view text) {
  std::string bytes;
  for (size_t at = 0; at < text.size();) {
    const char32_t code_point = code_point_at(text, at);
    if (code_point > char32_t(kHighest) || kAlphabet.byte_of[code_point] < 0) return std::nullopt;
    bytes += char(kAlphabet.byte_of[code_point]);
    at += utf8_step(text, at).length;
  }
  return bytes;
}

void Bpe::add_merge(TokenId left, TokenId right, TokenId merged) {
  merges_.insert_or_assign(key_of_pair(left, right), Merge{next_rank_++, merged});
}

const Bpe::Merge* Bpe::merge_of(TokenId left, TokenId right) const {
  const auto found = merges_.find(key_of_pair(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

std::optional<size_t> Bpe::spell(std::string_view bytes, std::vector<Symbol>& symbols) const {
  symbols.clear();
  bool after_unknown = false;
  for (size_t i = 0; i < bytes.size(); ++i) {
    const TokenId id = byte_ids_[uint8_t(bytes[i])];
    if (id < 0 && unknown_ < 0) return i;
    if (id >= 0)
      append_symbol(id, symbols);
    else if (!after_unknown || !fuse_unknown_)
      append_symbol(unknown_, symbols);
    after_unknown = id < 0;
  }
  return std::nullopt;
}

void Bpe::push_candidate(size_t position, Scratch& scratch) const {
  const Symbol& left = scratch.symbols[position];
  if (left.next == kNone) return;
  const Merge* merge = merge_of(left.id, scratch.symbols[left.next].id);
  if (!merge) return;
  scratch.heap.push_back({merge->rank, merge->merged, position});
  std::push_heap(scratch.heap.begin(), scratch.heap.end(), comes_later);
}

// A candidate is stale once its symbol is gone or its pair would now give another token. A pair that changed but gives
// the same token is merged at the old rank: so does HF tokenizers, whose ids we reproduce.
void Bpe::merge_all(Scratch& scratch) const {
  auto& symbols = scratch.symbols;
  scratch.heap.clear();
  for (size_t i = 0; i + 1 < symbols.size(); ++i) push_candidate(i, scratch);
  while (!scratch.heap.empty()) {
    std::pop_heap(scratch.heap.begin(), scratch.heap.end(), comes_later);
    const Candidate best = scratch.heap.back();
    scratch.heap.pop_back();
    Symbol& left = symbols[best.position];
    if (!left.alive || left.next == kNone) continue;
    Symbol& right = symbols[left.next];
    const Merge* merge = merge_of(left.id, right.id);
    if (!merge || merge->merged != best.merged) continue;
    left.id = best.merged;
    left.next = right.next;
    right.alive = false;
    if (left.next != kNone) symbols[left.next].previous = best.position;
    if (left.previous != kNone) push_candidate(left.previous, scratch);
    push_candidate(best.position, scratch);
  }
}

std::optional<size_t> Bpe::encode(std::string_view bytes, Scratch& scratch, std::vector<TokenId>& ids) const {
  if (const auto missing = spell(bytes, scratch.symbols)) return missing;
  merge_all(scratch);
  for (size_t i = scratch.symbols.empty() ? kNone : 0; i != kNone; i = scratch.symbols[i].next) {
    ids.push_back(scratch.symbols[i].id);
  }
  return std::nullopt;
}

}  // namespace starnest
