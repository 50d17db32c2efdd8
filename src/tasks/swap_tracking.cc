// Task p: where things are after some of them have changed places.
//
//   body dbac,a03b12   full trace a03cbad;b12cabd;   terse trace acbad;bcabd;   answer cabd
//
// Places count from 0, the smaller one first. k counts the swaps. Four things (p) or five (p5).
#include <algorithm>

#include "base/check.h"
#include "tasks/body_reader.h"
#include "tasks/draw.h"
#include "tasks/task.h"

namespace starnest::tasks {
namespace {

class SwapTracking : public Task {
 public:
  explicit SwapTracking(int things)
      : Task({.name = things == 4 ? "p" : "p" + std::to_string(things),
              .title = "tracking swaps of " + std::to_string(things),
              .train_k = {1, 8},
              .possible_k = {1, int(kLetters.size())},
              .first_split_k = 2}),
        things_(size_t(things)) {}

  std::string draw_body(Rng& rng, int k) const override {
    std::string body = shuffled(std::string(kLetters.substr(0, things_)), rng) + ",";
    for (size_t i = 0; i < size_t(k); ++i) {
      const uint64_t one = rng.below(things_), step = 1 + rng.below(things_ - 1), other = (one + step) % things_;
      body += kLetters[i] + std::to_string(std::min(one, other)) + std::to_string(std::max(one, other));
    }
    return body;
  }

  Solution solve(std::string_view text, Effort effort) const override {
    BodyReader body(info().name, text);
    std::string state;
    while (state.size() < things_) {
      const size_t start = body.offset();
      state += body.take(kLetters.substr(0, things_));
      if (state.find(state.back()) + 1 < state.size()) body.malformed(start, "a letter that has no place yet");
    }
    body.take(",");
    Solution solution;
    for (size_t i = 0; i == 0 || !body.done(); ++i) {
      if (i == kLetters.size()) body.malformed(body.offset(), "the end, since labels stop at z");
      std::string step(1, body.take(kLetters.substr(i, 1)));
      const size_t left = size_t(body.take(kDigits.substr(0, things_ - 1)) - '0');
      const size_t right = size_t(body.take(kDigits.substr(left + 1, things_ - left - 1)) - '0');
      std::swap(state[left], state[right]);
      if (effort == Effort::full) step += std::to_string(left) + std::to_string(right);
      if (effort != Effort::none) solution.steps.push_back(step + state + ";");
    }
    solution.answer = state;
    return solution;
  }

 private:
  size_t things_;
};

}  // namespace

std::unique_ptr<const Task> swap_tracking(int things) {
  SN_CHECK(things == 4 || things == 5, "this number of things has not been tried");
  return std::make_unique<SwapTracking>(things);
}

}  // namespace starnest::tasks
