#include "eval/task_accuracy.h"

#include <algorithm>
#include <chrono>
#include <list>

#include "base/check.h"
#include "base/text.h"
#include "generate/scheduler.h"
#include "tasks/family.h"
#include "tasks/mix.h"

namespace starnest {
namespace {

struct Question {
  tasks::Problem problem;
  std::string expected;
  std::vector<TokenId> prompt;
};

std::vector<Question> draw_questions(const Family& family, const TaskQuestionSet& set) {
  const tasks::FamilyInfo& info = tasks::family_named(set.task).info();
  const tasks::KRange k{set.k_low, set.k_high ? set.k_high : info.train_k.high};
  if (k.low < info.possible_k.low || k.high > info.possible_k.high || k.low > k.high)
    throw Error({.where = "k of task " + in_quotes(set.task),
                 .what = "is out of range",
                 .expected = std::to_string(info.possible_k.low) + " to " + std::to_string(info.possible_k.high),
                 .got = std::to_string(k.low) + " to " + std::to_string(k.high)});
  std::vector<Question> questions;
  for (tasks::Problem& problem : tasks::test_set(set.task, set.split, size_t(set.count), set.seed, k)) {
    const std::string text = tasks::prompt_text(problem, set.effort);
    std::string expected = tasks::make_sample(problem, set.effort).answer;
    questions.push_back({std::move(problem), std::move(expected), family.encode(text)});
  }
  return questions;
}

TaskRecord grade(const Family& family, const Question& question, const Answer& answer) {
  TaskRecord record;
  record.problem = question.problem;
  record.expected = question.expected;
  record.prompt_tokens = int(question.prompt.size());
  record.thinking_tokens = answer.thinking_tokens;
  record.answer_tokens = int(answer.ids.size()) - answer.thinking_tokens;
  const auto answer_start = answer.ids.begin() + record.thinking_tokens;
  record.thinking = family.decode({answer.ids.begin(), answer_start});
  record.answer = family.decode({answer_start, answer.ids.end()});
  // The answering phase alone counts: a model that was cut off may go on with its trace there and close it once more,
  // and a user would see that trace as the answer.
  record.right = answer.end == AnswerEnd::stop_token && record.answer == question.expected;
  record.think_end = answer.think_end;
  for (const StageReport& stage : answer.stages) {
    record.bytes += stage.bytes;
    if (stage.phase == Phase::answering && stage.hand_over) record.hand_over = text_of(*stage.hand_over);
  }
  return record;
}

void check_answered(const std::vector<Question>& questions, const std::vector<TaskRecord>& answered) {
  SN_CHECK(answered.size() <= questions.size(), "more answers than questions");
  for (size_t i = 0; i < answered.size(); ++i)
    if (answered[i].problem.canonical() != questions[i].problem.canonical())
      throw Error({.where = "question " + std::to_string(i + 1),
                   .what = "was answered before, but it was another one",
                   .expected = questions[i].problem.canonical(),
                   .got = answered[i].problem.canonical()});
}

// Questions differ in length, and so do the numbers in what is said of them: one of a kind is enough.
void add_new(const std::vector<std::string>& notices, std::vector<std::string>& all) {
  const auto kind = [](const std::string& notice) { return notice.substr(0, notice.find_first_of("0123456789")); };
  for (const std::string& notice : notices)
    if (std::none_of(all.begin(), all.end(), [&](const std::string& told) { return kind(told) == kind(notice); }))
      all.push_back(notice);
}

}  // namespace

Tally TaskAccuracy::tally() const {
  const auto right = std::count_if(records.begin(), records.end(), [](const TaskRecord& r) { return r.right; });
  return {uint64_t(right), records.size()};
}

int TaskAccuracy::count(ThinkEnd end) const {
  return int(std::count_if(records.begin(), records.end(), [&](const TaskRecord& r) { return r.think_end == end; }));
}

std::map<std::string, int> TaskAccuracy::hand_overs() const {
  std::map<std::string, int> counts;
  for (const TaskRecord& record : records)
    if (!record.hand_over.empty()) ++counts[record.hand_over];
  return counts;
}

double TaskAccuracy::mean(int TaskRecord::* tokens) const {
  double sum = 0;
  for (const TaskRecord& record : records) sum += record.*tokens;
  return records.empty() ? 0 : sum / double(records.size());
}

double TaskAccuracy::mean_bytes() const {
  double sum = 0;
  for (const TaskRecord& record : records) sum += record.bytes;
  return records.empty() ? 0 : sum / double(records.size());
}

std::string sizes_text(const std::vector<Stage>& stages) {
  std::vector<std::string> names;
  for (const Stage& stage : stages)
    if (names.empty() || names.back() != stage.size) names.push_back(stage.size);
  return join(names, ">");
}

TaskAccuracy task_accuracy(const Family& family, const TaskQuestionSet& set, const TaskRun& run) {
  SN_CHECK(run.parallel >= 1, "nothing runs in parallel");
  const std::vector<Question> questions = draw_questions(family, set);
  check_answered(questions, run.answered);
  TaskAccuracy result;
  result.stages = family.resolved(run.plan).stages;
  result.records = run.answered;
  result.records.resize(questions.size());

  const auto start = std::chrono::steady_clock::now();
  struct Slot {
    size_t question;
    Request request;
  };
  std::list<Slot> slots;  // a request stays where it is while it runs
  Scheduler scheduler(family);
  std::vector<bool> is_done(questions.size());
  std::fill_n(is_done.begin(), run.answered.size(), true);
  size_t next = run.answered.size(), done = next, told = next;
  while (done < questions.size()) {
    while (slots.size() < size_t(run.parallel) && next < questions.size()) {
      Sampling own = run.sampling;
      own.seed = key_of(run.sampling.seed, next);
      // Without a cache: what a question costs does not depend on those before it.
      const AskOptions options{.plan = run.plan, .sampling = own, .use_cache = false};
      slots.push_back({next, Request(family, questions[next].prompt, options)});
      scheduler.add(slots.back().request);
      ++next;
    }
    // A budget that cuts no text short for others': what a question costs does not depend on those beside it.
    scheduler.step(slots.size() * 2 * kPrefillChunk);
    std::erase_if(slots, [&](const Slot& slot) {
      if (!slot.request.done()) return false;
      const Answer answer = slot.request.answer();
      result.records[slot.question] = grade(family, questions[slot.question], answer);
      add_new(answer.notices, result.notices);
      is_done[slot.question] = true;
      ++done;
      return true;
    });
    for (; told < questions.size() && is_done[told]; ++told)
      if (run.on_record) run.on_record(result.records[told]);
    if (run.progress) run.progress(done, questions.size());
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace starnest
