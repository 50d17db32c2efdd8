#include "engine/snapshots.h"

#include <algorithm>

#include "base/check.h"

namespace starnest {
namespace {

// Of the first k whole blocks of a text and its size: element k.
std::vector<uint64_t> hashes_of(size_t size, std::span<const TokenId> text) {
  const auto mix = [](uint64_t hash, uint64_t value) {
    hash = (hash ^ value) * 0x9E3779B97F4A7C15;  // the golden ratio: spreads low bits over the word
    return hash ^ (hash >> 32);
  };
  std::vector<uint64_t> hashes{mix(0, size)};
  for (size_t block = 0; block < text.size() / Snapshots::kBlock; ++block) {
    uint64_t hash = hashes.back();
    for (const TokenId id : text.subspan(block * Snapshots::kBlock, Snapshots::kBlock)) hash = mix(hash, uint64_t(id));
    hashes.push_back(hash);
  }
  return hashes;
}

bool begins_with(std::span<const TokenId> text, std::span<const TokenId> prefix) {
  return prefix.size() <= text.size() && std::equal(prefix.begin(), prefix.end(), text.begin());
}

uint64_t bytes_alone(size_t tokens, const Sequence& sequence) {
  return sequence.own_bytes() + tokens * sizeof(TokenId);
}

uint64_t kv_bytes(const Sequence& sequence) {
  uint64_t sum = 0;
  for (const auto& block : sequence.kv_blocks()) sum += block->size();
  return sum;
}

}  // namespace

void Snapshots::keep(std::span<const TokenId> text, const Sequence& sequence) {
  SN_CHECK(text.size() == sequence.position(), "a snapshot's text is what its sequence has read");
  if (bytes_alone(text.size(), sequence) + kv_bytes(sequence) > limit_) return;
  if (const auto same = find(sequence.size(), text)) erase(*same);
  const uint64_t hash = hashes_of(sequence.size(), text).back();
  kept_.push_front({{text.begin(), text.end()}, sequence.fork(), hash});
  by_hash_.emplace(hash, kept_.begin());
  bytes_ += bytes_alone(text.size(), sequence);
  for (const auto& block : kept_.front().sequence.kv_blocks())
    if (++holders_[block.get()] == 1) bytes_ += block->size();
  while (bytes_ > limit_) drop_least_recent();
}

std::optional<Sequence> Snapshots::longest_prefix(size_t size, std::span<const TokenId> text) {
  const std::vector<uint64_t> hashes = hashes_of(size, text);
  std::optional<Place> best;
  // What has more whole blocks is longer: the first hit is in the longest ones.
  for (auto hash = hashes.rbegin(); hash != hashes.rend() && !best; ++hash)
    for (auto [at, end] = by_hash_.equal_range(*hash); at != end; ++at) {
      const Kept& kept = *at->second;
      const bool fits = kept.sequence.size() == size && kept.text.size() < text.size() && begins_with(text, kept.text);
      if (fits && (!best || kept.text.size() > (*best)->text.size())) best = at->second;
    }
  if (!best) return std::nullopt;
  kept_.splice(kept_.begin(), kept_, *best);
  return (*best)->sequence.fork();
}

std::optional<Snapshots::Place> Snapshots::find(size_t size, std::span<const TokenId> text) const {
  for (auto [at, end] = by_hash_.equal_range(hashes_of(size, text).back()); at != end; ++at)
    if (at->second->sequence.size() == size && std::ranges::equal(at->second->text, text)) return at->second;
  return std::nullopt;
}

bool Snapshots::holds(size_t size, std::span<const TokenId> text) const { return find(size, text).has_value(); }

void Snapshots::erase(Place place) {
  bytes_ -= bytes_alone(place->text.size(), place->sequence);
  for (const auto& block : place->sequence.kv_blocks()) {
    const auto holders = holders_.find(block.get());
    if (--holders->second > 0) continue;
    bytes_ -= block->size();
    holders_.erase(holders);
  }
  auto [at, end] = by_hash_.equal_range(place->hash);
  by_hash_.erase(std::find_if(at, end, [&](const auto& entry) { return entry.second == place; }));
  kept_.erase(place);
}

void Snapshots::clear() {
  while (drop_least_recent()) {
  }
}

void Snapshots::drop(size_t size) {
  for (auto place = kept_.begin(); place != kept_.end();) {
    const auto next = std::next(place);
    if (place->sequence.size() == size) erase(place);
    place = next;
  }
}

bool Snapshots::drop_least_recent() {
  if (kept_.empty()) return false;
  erase(std::prev(kept_.end()));
  return true;
}

}  // namespace starnest
