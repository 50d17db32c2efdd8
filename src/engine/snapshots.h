// Sequences kept to go back to: a recurrent state cannot be cut, so going back means a snapshot.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <vector>

#include "base/dims.h"
#include "engine/sequence.h"

namespace starnest {

// Snapshots of sequences by the tokens they have read, the least recently used dropped first when all together take
// more than a limit. Keys and values that several hold count once. Not thread-safe; must not outlive the engine.
class Snapshots {
 public:
  explicit Snapshots(uint64_t limit_bytes) : limit_(limit_bytes) {}

  // Keeps a fork of `sequence`, which has read exactly `text`. One of the same size and text is replaced. Does nothing
  // when it alone takes more than the limit.
  void keep(std::span<const TokenId> text, const Sequence& sequence);

  // A fork of the snapshot of `size` that has read the longest proper prefix of `text` (its last token is always left
  // to read, for its logits), if there is one.
  std::optional<Sequence> longest_prefix(size_t size, std::span<const TokenId> text);
  // Whether there is a snapshot of exactly this text.
  bool holds(size_t size, std::span<const TokenId> text) const;

  void clear() { kept_.clear(); }
  void drop(size_t size);  // all of one size, e.g. before its weights go
  size_t count() const { return kept_.size(); }
  uint64_t bytes() const;
  uint64_t limit() const { return limit_; }

 private:
  struct Kept {
    std::vector<TokenId> text;
    Sequence sequence;
  };

  uint64_t limit_;
  std::list<Kept> kept_;  // most recently used first
};

}  // namespace starnest
