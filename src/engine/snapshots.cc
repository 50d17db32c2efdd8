#include "engine/snapshots.h"

#include <algorithm>
#include <unordered_set>

#include "base/check.h"

namespace starnest {
namespace {

bool begins_with(std::span<const TokenId> text, std::span<const TokenId> prefix) {
  return prefix.size() <= text.size() && std::equal(prefix.begin(), prefix.end(), text.begin());
}

uint64_t bytes_alone(size_t tokens, const Sequence& sequence) {
  uint64_t sum = sequence.own_bytes() + tokens * sizeof(TokenId);
  for (const Sequence::KvBlock* block : sequence.kv_blocks()) sum += block->size;
  return sum;
}

}  // namespace

void Snapshots::keep(std::span<const TokenId> text, const Sequence& sequence) {
  SN_CHECK(text.size() == sequence.position(), "a snapshot's text is what its sequence has read");
  if (bytes_alone(text.size(), sequence) > limit_) return;
  kept_.remove_if(
      [&](const Kept& kept) { return kept.sequence.size() == sequence.size() && std::ranges::equal(kept.text, text); });
  kept_.push_front({{text.begin(), text.end()}, sequence.fork()});
  while (!kept_.empty() && bytes() > limit_) kept_.pop_back();
}

std::optional<Sequence> Snapshots::longest_prefix(size_t size, std::span<const TokenId> text) {
  auto best = kept_.end();
  for (auto kept = kept_.begin(); kept != kept_.end(); ++kept) {
    const bool fits = kept->sequence.size() == size && kept->text.size() < text.size() && begins_with(text, kept->text);
    if (fits && (best == kept_.end() || kept->text.size() > best->text.size())) best = kept;
  }
  if (best == kept_.end()) return std::nullopt;
  kept_.splice(kept_.begin(), kept_, best);
  return best->sequence.fork();
}

bool Snapshots::holds(size_t size, std::span<const TokenId> text) const {
  return std::any_of(kept_.begin(), kept_.end(), [&](const Kept& kept) {
    return kept.sequence.size() == size && std::ranges::equal(kept.text, text);
  });
}

void Snapshots::drop(size_t size) {
  kept_.remove_if([&](const Kept& kept) { return kept.sequence.size() == size; });
}

uint64_t Snapshots::bytes() const {
  uint64_t sum = 0;
  std::unordered_set<const Sequence::KvBlock*> counted;
  for (const Kept& kept : kept_) {
    sum += kept.sequence.own_bytes() + kept.text.size() * sizeof(TokenId);
    for (const Sequence::KvBlock* block : kept.sequence.kv_blocks())
      if (counted.insert(block).second) sum += block->size;
  }
  return sum;
}

}  // namespace starnest
