// Where a request goes back to and what it leaves for later ones.
#pragma once

#include <span>

#include "base/dims.h"
#include "engine/engine.h"
#include "engine/snapshots.h"

namespace starnest {

// Tokens between the snapshots of a long text.
inline constexpr size_t kSnapshotEvery = 2048;

// Snapshots of one text: where the prompt ends, before an opening tag (the next turn of a chat renders thinking away
// and goes on from there), every kSnapshotEvery tokens, and where the text ends. Not thread-safe.
class SnapshotPolicy {
 public:
  // `snapshots` may be null: then nothing is kept and nothing is found. `of_prompt`: position of the one of the prompt.
  SnapshotPolicy(Snapshots* snapshots, size_t of_prompt) : snapshots_(snapshots), of_prompt_(of_prompt) {}

  // A sequence of `size` that goes on from the longest snapshot of `text`, or from nothing.
  Sequence begin(const Engine& engine, size_t size, std::span<const TokenId> text) const;

  size_t next(size_t position) const;  // the next position behind this one that leaves a snapshot; none: the largest
  // After a sequence has read the first tokens of `text`: keeps it where it stands at such a position.
  void has_read(std::span<const TokenId> text, const Sequence& sequence) const;
  void at_end(std::span<const TokenId> text, const Sequence& sequence) const;

 private:
  Snapshots* snapshots_;
  size_t of_prompt_;
};

}  // namespace starnest
