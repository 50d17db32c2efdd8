// What is prepared while one size writes so that the next one can take over, and the taking over itself.
#pragma once

#include <deque>
#include <optional>
#include <span>

#include "base/dims.h"
#include "base/view.h"
#include "engine/engine.h"
#include "generate/snapshot_policy.h"
#include "starnest/plan.h"

namespace starnest {

// Of one text, which only grows. Not thread-safe; the engine must outlive it.
class HandOvers {
 public:
  HandOvers(const Engine& engine, HandOver how) : engine_(engine), how_(how) {}

  // From now on `next` may take over from `current`; nullopt, or the same size: nobody. What was prepared before is
  // forgotten.
  void expect(std::optional<size_t> next, size_t current);

  // After the writing size has read up to a position where every run of this text stands once: one state more to go
  // back to (hybrid).
  void mark(const Sequence& sequence);

  // What the size that reads along reads next, beside the size that writes; nothing while it is fewer than
  // HandOver::window tokens behind. It begins with the longest snapshot of the text.
  std::optional<BatchItem> along(std::span<const TokenId> text, size_t most, const SnapshotPolicy& snapshots);

  // The state of `size` on what `from` has read of a text of `text_tokens`. Nothing where the mode has nothing to give
  // (no state far enough back, another size read along) or gives nothing (recompute): then the text is to be read.
  std::optional<Sequence> take(const Sequence& from, size_t size, size_t text_tokens);

  // Gives back the memory of what can be prepared again, with the same bits.
  void release() { shadow_.reset(); }
  bool holds_marks() const { return !marks_.empty(); }

 private:
  const Engine& engine_;
  HandOver how_;
  std::optional<size_t> next_;
  std::optional<Sequence> shadow_;  // of next_
  std::deque<Sequence> marks_;      // of the size in use, HandOver::window tokens apart; the last two
};

// The mean entropy of the last Until::kEntropyTokens choices.
class EntropyWindow {
 public:
  void push(VecView<const float> logits);
  bool is_above(float nats) const;  // never before it is full
  void clear() { entropies_.clear(); }

 private:
  std::deque<double> entropies_;  // nats
};

}  // namespace starnest
