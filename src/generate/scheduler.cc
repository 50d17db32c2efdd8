#include "generate/scheduler.h"

#include <algorithm>
#include <chrono>
#include <exception>

#include "base/check.h"
#include "generate/family_impl.h"

namespace starnest {
namespace {

bool holds_states(Request& request) { return request.generation().holds_states(); }
bool can_give_back(Request& request) { return holds_states(request) && request.generation().can_be_read_again(); }

}  // namespace

void Scheduler::drop_finished() {
  for (Request* request : requests_)
    if (!request->done() && request->asked_to_stop()) request->end(AnswerEnd::cancelled);
  std::erase_if(requests_, [](const Request* request) { return request->done(); });
}

// The last that came of those behind a place in the queue; null: none.
Request* Scheduler::youngest(bool (*is)(Request&), size_t behind) const {
  for (size_t i = requests_.size(); i > behind; --i)
    if (is(*requests_[i - 1])) return requests_[i - 1];
  return nullptr;
}

// A request that would be alone begins in any case: it may need less than it could.
bool Scheduler::may_begin(Request& request) {
  Family::Impl& family = family_.impl();
  const Generation& generation = request.generation();
  const uint64_t needed =
      kv_needed_ + family.kv_bytes(generation.size(), generation.unread() + generation.tokens_ahead(kTokensAhead));
  while (needed > family.engine.kv().available())
    if (!family.snapshots.drop_least_recent()) return youngest(holds_states) == nullptr;
  return true;
}

// Whether the items of the request at `place` fit beside the batch so far; makes that so where it can. Those that give
// their states back are behind it, and so not yet in the batch.
bool Scheduler::make_room(std::span<const BatchItem> items, size_t place) {
  Family::Impl& family = family_.impl();
  while (kv_needed_ + family.engine.kv_needed(items) > family.engine.kv().available()) {
    if (family.snapshots.drop_least_recent()) continue;
    Request* giving = youngest(can_give_back, place + 1);
    if (!giving) return false;
    giving->generation().release();
    ++preemptions_;
  }
  return true;
}

// Returns how many tokens it put into the batch. What reads along is left out where it finds no room.
size_t Scheduler::take(size_t place, size_t most, size_t most_along) {
  std::vector<BatchItem> items = requests_[place]->generation().next(most, most_along);
  if (!make_room(items, place) && items.size() > 1) items.pop_back();
  if (!make_room(items, place)) return 0;
  kv_needed_ += family_.impl().engine.kv_needed(items);
  parts_.push_back({requests_[place], batch_.size(), items.size()});
  batch_.insert(batch_.end(), items.begin(), items.end());
  size_t tokens = 0;
  for (const BatchItem& item : items) tokens += item.tokens.size();
  return tokens;
}

void Scheduler::plan_batch(size_t token_budget) {
  batch_.clear();
  parts_.clear();
  kv_needed_ = 0;
  const auto writes = [](const Request* request) { return request->writing(); };
  const auto writers = size_t(std::count_if(requests_.begin(), requests_.end(), writes));
  size_t left = std::max(token_budget - std::min(token_budget, writers), kLeastReading);
  const auto spend = [&left](size_t tokens) { left -= std::min(left, tokens); };
  bool waiting = false;
  for (size_t place = 0; place < requests_.size(); ++place) {
    Request& request = *requests_[place];
    const size_t most = std::min(left, kPrefillChunk);
    if (request.writing()) {
      const size_t tokens = take(place, kPrefillChunk, most);
      spend(tokens - std::min<size_t>(tokens, 1));  // its own was set aside
      continue;
    }
    if (left == 0) continue;
    waiting = waiting || !(holds_states(request) || may_begin(request));
    if (holds_states(request) || !waiting) spend(take(place, most, most));
  }
}

void Scheduler::plan_step(size_t token_budget) {
  plan_batch(token_budget);
  while (batch_.empty() && !requests_.empty()) {
    Request* last = youngest(holds_states);
    SN_CHECK(last, "whoever is alone begins");
    last->end(AnswerEnd::memory);
    drop_finished();
    plan_batch(token_budget);
  }
}

bool Scheduler::step(size_t token_budget) {
  drop_finished();
  plan_step(token_budget);
  if (batch_.empty()) return false;
  const auto start = std::chrono::steady_clock::now();
  family_.impl().engine.step(batch_);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  for (const Part& part : parts_) {
    try {
      part.request->advance(std::span(batch_).subspan(part.first, part.count), seconds);
    } catch (...) {
      part.request->fail(std::current_exception());
    }
  }
  std::erase_if(requests_, [](const Request* request) { return request->done(); });
  return !requests_.empty();
}

}  // namespace starnest
