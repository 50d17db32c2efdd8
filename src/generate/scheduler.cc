#include "generate/scheduler.h"

#include <algorithm>
#include <chrono>
#include <exception>

#include "generate/family_impl.h"

namespace starnest {

void Scheduler::drop_finished() {
  for (Request* request : requests_)
    if (!request->done() && request->asked_to_stop()) request->end(AnswerEnd::cancelled);
  std::erase_if(requests_, [](const Request* request) { return request->done(); });
}

// Returns how many tokens it put into the batch.
size_t Scheduler::take(Request& request, size_t most, size_t most_along) {
  size_t tokens = 0;
  parts_.push_back({&request, batch_.size(), 0});
  for (BatchItem& item : request.generation().next(most, most_along)) {
    tokens += item.tokens.size();
    batch_.push_back(item);
    parts_.back().count += 1;
  }
  return tokens;
}

void Scheduler::plan_step(size_t token_budget) {
  batch_.clear();
  parts_.clear();
  const auto writes = [](const Request* request) { return request->writing(); };
  const auto writers = size_t(std::count_if(requests_.begin(), requests_.end(), writes));
  size_t left = token_budget - std::min(token_budget, writers);
  const auto spend = [&left](size_t tokens) { left -= std::min(left, tokens); };
  for (Request* request : requests_)
    if (request->writing()) spend(take(*request, kPrefillChunk, std::min(left, kPrefillChunk)) - 1);
  left = std::max(left, kLeastReading);
  for (Request* request : requests_)
    if (!request->writing() && left > 0) {
      const size_t most = std::min(left, kPrefillChunk);
      spend(take(*request, most, most));
    }
}

bool Scheduler::step(size_t token_budget) {
  drop_finished();
  if (requests_.empty()) return false;
  plan_step(token_budget);
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
