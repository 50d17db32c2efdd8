// Many requests, one engine: which of them read how much in each step.
#pragma once

#include <vector>

#include "generate/request.h"

namespace starnest {

// Tokens that a step reads, unless more requests than that are decoding.
inline constexpr size_t kStepTokens = 1024;

// A step reads one token for every request that writes, what sizes that may take over read along, and with what is left
// of its budget pieces of prompts, first come, first served. No bit of any output depends on who else is there or how
// prompts are cut. Not thread-safe: one thread owns the scheduler and its requests, and with them the family.
class Scheduler {
 public:
  explicit Scheduler(Family family) : family_(std::move(family)) {}

  // A request takes part from the next step on until it is done. It must outlive that, or be removed.
  void add(Request& request) { requests_.push_back(&request); }
  void remove(Request& request) { std::erase(requests_, &request); }
  bool idle() const { return requests_.empty(); }

  // One step for all: requests that are to stop end first, then those that take part read and, where they have read
  // everything, choose a token. One that cannot (its logits are no numbers, its callback throws) fails alone. At least kLeastReading tokens of prompts are read however many requests decode. Returns
  // false when nothing is left to do.
  bool step(size_t token_budget = kStepTokens);

  static constexpr size_t kLeastReading = 16;

 private:
  // The items of one request within a batch.
  struct Part {
    Request* request;
    size_t first, count;
  };
  void drop_finished();
  void plan_step(size_t token_budget);
  size_t take(Request& request, size_t most, size_t most_along);

  Family family_;
  std::vector<Request*> requests_;  // in the order in which they came
  std::vector<BatchItem> batch_;    // of the step in progress
  std::vector<Part> parts_;
};

}  // namespace starnest
