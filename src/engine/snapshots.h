// Sequences kept to go back to: a recurrent state cannot be cut, so going back means a snapshot.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/dims.h"
#include "engine/sequence.h"

namespace starnest {

// Snapshots of sequences by the tokens they have read, the least recently used dropped first when all together take
// more than a limit. Keys and values that several hold count once. They are found by a hash per block of kBlock tokens,
// each over all that stands before it, and then compared token by token. Not thread-safe; must not outlive the engine.
class Snapshots {
 public:
  static constexpr size_t kBlock = 64;  // tokens

  explicit Snapshots(uint64_t limit_bytes) : limit_(limit_bytes) {}

  // Keeps a fork of `sequence`, which has read exactly `text`. One of the same size and text is replaced. Does nothing
  // when it alone takes more than the limit.
  void keep(std::span<const TokenId> text, const Sequence& sequence);

  // A fork of the snapshot of `size` that has read the longest proper prefix of `text` (its last token is always left
  // to read, for its logits), if there is one.
  std::optional<Sequence> longest_prefix(size_t size, std::span<const TokenId> text);
  // Whether there is a snapshot of exactly this text.
  bool holds(size_t size, std::span<const TokenId> text) const;

  void clear();
  void drop(size_t size);    // all of one size, e.g. before its weights go
  bool drop_least_recent();  // false when there is none
  size_t count() const { return kept_.size(); }
  uint64_t bytes() const { return bytes_; }
  uint64_t limit() const { return limit_; }

 private:
  struct Kept {
    std::vector<TokenId> text;
    Sequence sequence;
    uint64_t hash;  // of the size and of all whole blocks of the text
  };
  using Place = std::list<Kept>::iterator;

  std::optional<Place> find(size_t size, std::span<const TokenId> text) const;
  void erase(Place place);

  uint64_t limit_;
  uint64_t bytes_ = 0;
  std::list<Kept> kept_;  // most recently used first
  std::unordered_multimap<uint64_t, Place> by_hash_;
  std::unordered_map<const KvBlock*, size_t> holders_;  // snapshots, of each block of keys and values
};

}  // namespace starnest
