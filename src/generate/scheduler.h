// Many requests, one engine: which of them read how much in each step.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "generate/request.h"

namespace starnest {

// Tokens that a step reads, unless more requests than that are writing.
inline constexpr size_t kStepTokens = 1024;

// A step reads one token for every request that writes, what sizes that may take over read along, and with what is left
// of its budget pieces of prompts. No bit of any output depends on who else is there, on how prompts are cut, or on who
// had to give memory back.
//
// Older requests go first. A request begins when there is room for the keys and values of its text and kTokensAhead
// more, and no older one waits. When one needs room that is not there (Engine::kv), snapshots go, the least recently
// used first, then the states of the youngest request, which reads its text again later. When nobody can go on, the
// youngest that holds states ends (AnswerEnd::memory).
//
// Not thread-safe: one thread owns the scheduler and its requests, and with them the family.
class Scheduler {
 public:
  explicit Scheduler(Family family) : family_(std::move(family)) {}

  // A request takes part from the next step on until it is done. It must outlive that, or be removed.
  void add(Request& request) { requests_.push_back(&request); }
  void remove(Request& request) { std::erase(requests_, &request); }
  bool idle() const { return requests_.empty(); }

  // One step for all: requests that are to stop end first, then those that take part read and, where they have read
  // everything, choose a token. One that cannot (its logits are no numbers, its callback throws) fails alone. At least
  // kLeastReading tokens of prompts are read however many requests decode. Returns false when nothing is left to do.
  bool step(size_t token_budget = kStepTokens);

  uint64_t preemptions() const { return preemptions_; }  // how often a request had to give its states back

  static constexpr size_t kLeastReading = 16;
  static constexpr size_t kTokensAhead = 256;

 private:
  // The items of one request within a batch.
  struct Part {
    Request* request;
    size_t first, count;
  };
  void drop_finished();
  void plan_step(size_t token_budget);
  void plan_batch(size_t token_budget);
  size_t take(size_t place, size_t most, size_t most_along);
  bool may_begin(Request& request);
  bool make_room(std::span<const BatchItem> items, size_t place);
  Request* youngest(bool (*is)(Request&), size_t behind = 0) const;

  Family family_;
  std::vector<Request*> requests_;  // in the order in which they came
  std::vector<BatchItem> batch_;    // of the step in progress
  std::vector<Part> parts_;
  uint64_t kv_needed_ = 0;  // bytes that the batch will take
  uint64_t preemptions_ = 0;
};

}  // namespace starnest
