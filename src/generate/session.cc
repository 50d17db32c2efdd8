#include "starnest/session.h"

#include "generate/scheduler.h"

namespace starnest {

StageReport Answer::total(StageReport::Work work, Phase phase) const {
  StageReport sum;
  sum.work = work, sum.phase = phase;
  for (const StageReport& stage : stages) {
    if (stage.work != work || stage.phase != phase) continue;
    sum.stage = stage.stage, sum.size = stage.size, sum.hand_over = stage.hand_over;
    sum.tokens += stage.tokens, sum.steps += stage.steps;
    sum.seconds += stage.seconds, sum.bytes += stage.bytes;
  }
  return sum;
}

Answer Session::ask(const std::vector<TokenId>& prompt, const AskOptions& options) {
  Request request(family_, prompt, options);
  Scheduler scheduler(family_);
  scheduler.add(request);
  while (scheduler.step()) {
  }
  return request.answer();
}

}  // namespace starnest
