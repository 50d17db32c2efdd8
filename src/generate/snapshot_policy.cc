#include "generate/snapshot_policy.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace starnest {

Sequence SnapshotPolicy::begin(const Engine& engine, size_t size, std::span<const TokenId> text) const {
  std::optional<Sequence> kept = snapshots_ ? snapshots_->longest_prefix(size, text) : std::nullopt;
  return kept ? std::move(*kept) : engine.start(size);
}

size_t SnapshotPolicy::next(size_t position) const {
  if (!snapshots_) return std::numeric_limits<size_t>::max();
  const size_t regular = (position / kSnapshotEvery + 1) * kSnapshotEvery;
  return position < of_prompt_ ? std::min(of_prompt_, regular) : regular;
}

void SnapshotPolicy::has_read(std::span<const TokenId> text, const Sequence& sequence) const {
  const size_t position = sequence.position();
  if (position == of_prompt_ || position % kSnapshotEvery == 0) at_end(text, sequence);
}

void SnapshotPolicy::at_end(std::span<const TokenId> text, const Sequence& sequence) const {
  if (snapshots_ && sequence.position() > 0) snapshots_->keep(text.first(sequence.position()), sequence);
}

}  // namespace starnest
