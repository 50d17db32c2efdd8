#include "tasks/sample.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/text.h"
#include "starnest/error.h"
#include "tasks/task.h"
#include "tasks/vocabulary.h"

namespace starnest::tasks {
namespace {

constexpr std::array<std::string_view, 3> kEffortNames{"e0", "e1", "e2"};

}  // namespace

std::string_view name_of(Effort effort) { return kEffortNames[size_t(effort)]; }

Effort effort_named(std::string_view name) {
  const auto found = std::find(kEffortNames.begin(), kEffortNames.end(), name);
  if (found != kEffortNames.end()) return Effort(found - kEffortNames.begin());
  const std::vector<std::string> known(kEffortNames.begin(), kEffortNames.end());
  throw Error({.where = "effort",
               .what = "unknown effort",
               .expected = "e0 (no trace), e1 (terse) or e2 (full)",
               .got = in_quotes(name),
               .hint = suggest(name, known)});
}

TokenId effort_token(Effort effort) { return kFirstEffort + TokenId(effort); }

Sample make_sample(const Problem& problem, Effort effort, int steps_cut) {
  SN_CHECK(steps_cut >= 0, "a trace cannot grow");
  Solution solution = task_named(problem.task).solve(problem.body, effort);
  Sample sample{.problem = problem, .effort = effort, .trace = {}, .answer = std::move(solution.answer)};
  sample.steps_cut = std::clamp(int(solution.steps.size()) - 1, 0, steps_cut);
  solution.steps.resize(solution.steps.size() - size_t(sample.steps_cut));
  sample.trace = join(solution.steps, "");
  return sample;
}

std::string prompt_text(const Problem& problem, Effort effort) {
  return "<bos>" + problem.canonical() + "?" + std::string(token_name(effort_token(effort))) + "<think>";
}

std::vector<TokenId> prompt_ids(const Problem& problem, Effort effort) { return encode(prompt_text(problem, effort)); }

std::string text(const Sample& sample) {
  return prompt_text(sample.problem, sample.effort) + sample.trace + "</think>" + sample.answer + "<eos>";
}

TokenSample tokens(const Sample& sample) {
  TokenSample result;
  result.ids = prompt_ids(sample.problem, sample.effort);
  result.completion_start = result.ids.size();
  const std::vector<TokenId> completion = encode(sample.trace + "</think>" + sample.answer + "<eos>");
  result.ids.insert(result.ids.end(), completion.begin(), completion.end());
  const auto answer = std::find(completion.begin(), completion.end(), kEndThink) - completion.begin() + 1;
  result.answer_start = result.completion_start + size_t(answer);
  return result;
}

}  // namespace starnest::tasks
