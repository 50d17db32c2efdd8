#include "eval/task_accuracy.h"

#include <algorithm>
#include <chrono>
#include <memory>

#include "base/check.h"
#include "base/text.h"
#include "generate/family_impl.h"
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

TaskRecord grade(const Family& family, const Question& question, const Generation& generation) {
  TaskRecord record;
  record.problem = question.problem;
  record.expected = question.expected;
  const auto text = [&](std::span<const TokenId> ids) { return family.decode({ids.begin(), ids.end()}); };
  record.thinking = text(generation.thinking());
  record.answer = text(generation.answer());
  // The answering phase alone counts: a model that was cut off may go on with its trace there and close it once more,
  // and a user would see that trace as the answer.
  record.right = generation.complete() && record.answer == question.expected;
  record.think_end = generation.think_end();
  record.thinking_tokens = int(generation.thinking().size());
  record.answer_tokens = int(generation.answer().size());
  record.prompt_tokens = int(question.prompt.size());
  if (generation.answer_hand_over()) record.hand_over = text_of(*generation.answer_hand_over());
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

TaskAccuracy task_accuracy(const Family& family, const TaskQuestionSet& set, const TaskRun& run) {
  SN_CHECK(run.parallel >= 1, "nothing runs in parallel");
  Family::Impl& impl = family.impl();
  const std::vector<Question> questions = draw_questions(family, set);
  check_answered(questions, run.answered);
  const ResolvedPlan resolved = resolve(run.plan, impl.engine, impl.rules, impl.spec.default_plan);
  TaskAccuracy result;
  result.think_size = impl.engine.name_of(resolved.think_size);
  result.answer_size = impl.engine.name_of(resolved.answer_size);
  result.records = run.answered;
  result.records.resize(questions.size());

  const auto start = std::chrono::steady_clock::now();
  struct Slot {
    size_t question;
    std::unique_ptr<Generation> generation;
    double bytes = 0;
  };
  std::vector<Slot> slots;
  std::vector<bool> is_done(questions.size());
  std::fill_n(is_done.begin(), run.answered.size(), true);
  size_t next = run.answered.size(), done = next, told = next;
  while (done < questions.size()) {
    while (slots.size() < size_t(run.parallel) && next < questions.size()) {
      Sampling own = run.sampling;
      own.seed = key_of(run.sampling.seed, next);
      slots.push_back(
          {next, std::make_unique<Generation>(impl.engine, impl.rules, questions[next].prompt, resolved, own)});
      ++next;
    }
    std::vector<Generation*> running;
    for (Slot& slot : slots) {
      running.push_back(slot.generation.get());
      slot.bytes += impl.bytes_moved(slot.generation->next());
    }
    step(impl.engine, running);
    std::erase_if(slots, [&](const Slot& slot) {
      if (!slot.generation->done()) return false;
      result.records[slot.question] = grade(family, questions[slot.question], *slot.generation);
      result.records[slot.question].bytes = slot.bytes;
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
