// One text that is being read and written.
#pragma once

#include <exception>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "generate/generation.h"
#include "generate/text_writer.h"
#include "starnest/session.h"

namespace starnest {

// Holds the text, its stages, its sampler, its text writer and its reports. It drives nothing: a Scheduler asks it what
// it reads next and tells it what came of it. Not thread-safe; must outlive its time in a scheduler.
class Request {
 public:
  // Throws Error for options or a prompt that do not fit the model.
  Request(const Family& family, std::vector<TokenId> prompt, AskOptions options = {});

  bool done() const { return end_.has_value(); }
  // What there is: of a request that is done, all. Throws what made it fail.
  Answer answer() const;

  // For the scheduler, between two steps.
  bool asked_to_stop() const { return options_.cancelled && options_.cancelled(); }
  void end(AnswerEnd how);            // now, with what there is
  void fail(std::exception_ptr why);  // now
  bool writing() const { return !generation_.reading(); }  // what it reads next is what it wrote itself
  Generation& generation() { return generation_; }

  // For the scheduler, after a step: it read `items`, which generation().next() gave, and took so long.
  void advance(std::span<const BatchItem> items, double seconds);

 private:
  // Who wrote or read something: what the stage was before the token that a step gives is chosen.
  struct Place {
    size_t stage, size;
    Phase phase;
  };
  Place place() const { return {generation_.stage(), generation_.size(), generation_.phase()}; }
  StageReport& report(const Place& place, StageReport::Work work);
  void count(const Place& place, std::span<const BatchItem> items, double seconds);
  void count_written(const Place& writer);
  void show_new(const Place& writer);

  Family family_;
  AskOptions options_;
  Generation generation_;
  TextWriter writer_;
  std::vector<StageReport> reports_;
  size_t counted_ = 0;  // of what sizes have written, in reports
  size_t shown_ = 0;    // of the output, as text
  std::optional<int> reused_tokens_;
  double seconds_ = 0;  // of all steps so far
  std::optional<double> seconds_to_first_token_;
  std::optional<AnswerEnd> end_;
  std::exception_ptr error_;
};

}  // namespace starnest
