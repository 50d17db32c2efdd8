#include "generate/hand_over.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/text.h"
#include "starnest/error.h"

namespace starnest {
namespace {

// Entropy of softmax(logits), nats.
double entropy_of(VecView<const float> logits) {
  double most = logits[0];
  for (size_t i = 1; i < logits.size; ++i) most = std::max(most, double(logits[i]));
  double sum = 0, weighted = 0;
  for (size_t i = 0; i < logits.size; ++i) {
    const double shifted = double(logits[i]) - most, weight = std::exp(shifted);
    sum += weight, weighted += weight * shifted;
  }
  return std::log(sum) - weighted / sum;
}

}  // namespace

HandOver parse_hand_over(const std::string& text) {
  using Mode = HandOver::Mode;
  const size_t colon = text.find(':');
  const std::string name = text.substr(0, colon);
  const bool window_given = colon != std::string::npos;
  const int window = window_given ? whole_number<int>(text.substr(colon + 1)).value_or(0) : 0;
  const bool window_good = window >= 1 && window <= 1 << 20;
  if (name == "recompute" && !window_given) return {Mode::recompute, 0};
  if (name == "transplant" && !window_given) return {Mode::transplant, 0};
  if (name == "hybrid" && window_good) return {Mode::hybrid, window};
  if (name == "shadow" && (!window_given || window_good))
    return {Mode::shadow, window_given ? window : HandOver::kShadowWindow};
  throw Error({.where = "hand-over",
               .what = "is not understood",
               .expected = "recompute, transplant, hybrid:TOKENS, shadow or shadow:TOKENS, with at least 1 token",
               .got = in_quotes(text)});
}

std::string text_of(const HandOver& hand_over) {
  switch (hand_over.mode) {
    case HandOver::Mode::recompute:
      return "recompute";
    case HandOver::Mode::transplant:
      return "transplant";
    case HandOver::Mode::hybrid:
      return "hybrid:" + std::to_string(hand_over.window);
    case HandOver::Mode::shadow:
      return "shadow:" + std::to_string(hand_over.window);
  }
  return "";
}

void HandOvers::expect(std::optional<size_t> next, size_t current) {
  next_ = next == current ? std::nullopt : next;
  shadow_.reset();
  marks_.clear();
}

void HandOvers::mark(const Sequence& sequence) {
  if (how_.mode != HandOver::Mode::hybrid || !next_) return;
  const size_t last = marks_.empty() ? 0 : marks_.back().position();
  if (sequence.position() < last + size_t(how_.window)) return;
  marks_.push_back(sequence.fork());
  if (marks_.size() > 2) marks_.pop_front();
}

std::optional<BatchItem> HandOvers::along(std::span<const TokenId> text, size_t most, const SnapshotPolicy& snapshots) {
  if (how_.mode != HandOver::Mode::shadow || !next_) return std::nullopt;
  if (!shadow_) shadow_ = snapshots.begin(engine_, *next_, text);
  const std::span<const TokenId> behind = text.subspan(shadow_->position());
  if (int(behind.size()) < how_.window || most == 0) return std::nullopt;
  return BatchItem{&*shadow_, behind.first(std::min(behind.size(), most)), Want::none, {}};
}

std::optional<Sequence> HandOvers::take(const Sequence& from, size_t size, size_t text_tokens) {
  switch (how_.mode) {
    case HandOver::Mode::transplant:
      return engine_.transplant(from, size);
    case HandOver::Mode::hybrid:
      while (!marks_.empty() && marks_.back().position() + size_t(how_.window) > text_tokens) marks_.pop_back();
      if (marks_.empty()) return std::nullopt;
      return engine_.transplant(marks_.back(), size);
    case HandOver::Mode::shadow:
      if (!shadow_ || shadow_->size() != size) return std::nullopt;
      return std::move(shadow_);
    case HandOver::Mode::recompute:
      break;
  }
  return std::nullopt;
}

void EntropyWindow::push(VecView<const float> logits) {
  entropies_.push_back(entropy_of(logits));
  if (entropies_.size() > size_t(Until::kEntropyTokens)) entropies_.pop_front();
}

bool EntropyWindow::is_above(float nats) const {
  if (entropies_.size() < size_t(Until::kEntropyTokens)) return false;
  return std::accumulate(entropies_.begin(), entropies_.end(), 0.0) / double(entropies_.size()) > nats;
}

}  // namespace starnest
