#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "base/output.h"
#include "base/text.h"
#include "cli/eval.h"
#include "cli/record_file.h"
#include "program/progress_bar.h"
#include "program/terminal.h"
#include "report/comparison.h"
#include "starnest/error.h"

namespace starnest::cli {
namespace {

// Of a comparison, before it is known how many it takes.
constexpr int kFirstQuestions = 100;

constexpr ThinkEnd kEnds[] = {ThinkEnd::natural, ThinkEnd::boundary, ThinkEnd::forced, ThinkEnd::stopped};

std::vector<JsonLine> stages_json(const std::vector<Stage>& stages) {
  std::vector<JsonLine> lines;
  for (const Stage& stage : stages)
    lines.push_back(JsonLine().set("size", stage.size).set("until", text_of(stage.until)));
  return lines;
}

// All that decides an answer. `plan` names its sizes.
JsonLine settings_json(const EvalOptions& options, const Plan& plan, const Sampling& sampling) {
  JsonLine line;
  line.set("model", options.model.model)
      .set("elastic", options.model.elastic)
      .set("task", options.questions.task)
      .set("effort", options.effort)
      .set("split", options.split)
      .set("question_seed", options.questions.seed)
      .set("k_low", options.questions.k_low)
      .set("k_high", options.questions.k_high)
      .set("think_size", plan.stages.front().size)
      .set("answer_size", plan.stages.back().size)
      .set("stages", stages_json(plan.stages))
      .set("think_budget", plan.think_budget)
      .set("think_grace", plan.think_grace)
      .set("max_tokens", plan.max_tokens)
      .set("answer_reserve", plan.answer_reserve)
      .set("hand_over", text_of(plan.hand_over))
      .set("temperature", sampling.temperature)
      .set("top_k", sampling.top_k)
      .set("top_p", sampling.top_p)
      .set("min_p", sampling.min_p)
      .set("sampler_seed", sampling.seed);
  // Named where they are used: records from before they were known had none.
  if (sampling.repetition_penalty != 1) line.set("repetition_penalty", sampling.repetition_penalty);
  if (sampling.presence_penalty != 0) line.set("presence_penalty", sampling.presence_penalty);
  if (sampling.frequency_penalty != 0) line.set("frequency_penalty", sampling.frequency_penalty);
  JsonLine bias;
  for (const auto& [id, value] : sampling.logit_bias) bias.set(std::to_string(id), format_number("%g", value));
  if (!sampling.logit_bias.empty()) line.set("logit_bias", bias);
  return line;
}

JsonLine report_json(JsonLine settings, const Family& family, const TaskAccuracy& result) {
  JsonLine ends, hand_overs, knobs;
  for (const ThinkEnd end : kEnds) ends.set(name_of(end), result.count(end));
  for (const auto& [way, count] : result.hand_overs()) hand_overs.set(way, count);
  std::map<int, Tally> by_k;
  for (const TaskRecord& record : result.records) {
    by_k[record.problem.k].trials += 1;
    by_k[record.problem.k].successes += record.right ? 1 : 0;
  }
  for (const auto& [k, tally] : by_k) knobs.set(std::to_string(k), tally_json(tally));
  return settings.set("result", tally_json(result.tally()))
      .set("think_ends", ends)
      .set("hand_overs", hand_overs)
      .set("mean_prompt_tokens", result.mean(&TaskRecord::prompt_tokens))
      .set("mean_thinking_tokens", result.mean(&TaskRecord::thinking_tokens))
      .set("mean_answer_tokens", result.mean(&TaskRecord::answer_tokens))
      .set("mean_bytes", result.mean_bytes())
      .set("think_active_parameters", family.size(result.stages.front().size).active_parameters)
      .set("answer_active_parameters", family.size(result.stages.back().size).active_parameters)
      .set("by_k", knobs);
}

std::string question_text(const tasks::Problem& problem, const std::string& effort) {
  return problem.canonical() + "?" + effort;
}

JsonLine record_json(const TaskRecord& record, const EvalOptions& options, const Plan& plan) {
  return JsonLine()
      .set("question", question_text(record.problem, options.effort))
      .set("k", record.problem.k)
      .set("think_size", plan.stages.front().size)
      .set("answer_size", plan.stages.back().size)
      .set("plan", sizes_text(plan.stages))
      .set("expected", record.expected)
      .set("answer", record.answer)
      .set("right", record.right)
      .set("thinking", record.thinking)
      .set("think_end", name_of(record.think_end))
      .set("prompt_tokens", record.prompt_tokens)
      .set("thinking_tokens", record.thinking_tokens)
      .set("answer_tokens", record.answer_tokens)
      .set("bytes", record.bytes)
      .set("hand_over", record.hand_over);
}

TaskRecord record_of(const JsonRecord& json) {
  TaskRecord record;
  const std::string& question = json.text("question");
  const size_t colon = question.find(':'), end = question.rfind('?');
  if (colon == std::string::npos || end == std::string::npos || end < colon)
    throw Error({.where = json.where(), .what = "holds no question of a task", .got = in_quotes(question)});
  record.problem = {.task = question.substr(0, colon),
                    .body = question.substr(colon + 1, end - colon - 1),
                    .k = int(json.integer("k"))};
  record.expected = json.text("expected");
  record.thinking = json.text("thinking");
  record.answer = json.text("answer");
  record.right = json.flag("right");
  for (const ThinkEnd way : kEnds)
    if (json.text("think_end") == name_of(way)) record.think_end = way;
  record.prompt_tokens = int(json.integer("prompt_tokens"));
  record.thinking_tokens = int(json.integer("thinking_tokens"));
  record.answer_tokens = int(json.integer("answer_tokens"));
  record.bytes = json.number("bytes");
  record.hand_over = json.text("hand_over");
  return record;
}

void print_report(const TaskAccuracy& result) {
  const Tally tally = result.tally();
  print(stdout, "%s: %llu of %llu right, %.1f %% (%s)\n", sizes_text(result.stages).c_str(),
        static_cast<unsigned long long>(tally.successes), static_cast<unsigned long long>(tally.trials),
        100 * double(tally.successes) / double(tally.trials), interval_text(tally).c_str());
  print(stdout, "thinking: %.1f tokens on average; ended", result.mean(&TaskRecord::thinking_tokens));
  for (const ThinkEnd end : kEnds) print(stdout, " %s %d", name_of(end), result.count(end));
  print(stdout, "; %.1f s\n", result.seconds);
}

Answers answers_of(const TaskAccuracy& result, const EvalOptions& options) {
  Answers answers;
  answers.source = "this run";
  answers.plan = sizes_text(result.stages);
  for (const TaskRecord& record : result.records)
    answers.right[question_text(record.problem, options.effort)] = record.right;
  return answers;
}

// How many questions of `most` it takes to compare with `others`, after the first ones.
int questions_to_ask(const TaskAccuracy& first, const Answers& others, const EvalOptions& options, int most) {
  const PairedTable table = paired(answers_of(first, options), others);
  const uint64_t needed = questions_needed(table, options.margin / 100);
  print(stdout, "of the first %zu questions %s differ: a margin of %g points needs %s in all", first.records.size(),
        grouped(table.only_first + table.only_second).c_str(), options.margin, grouped(needed).c_str());
  print(stdout, needed > uint64_t(most) ? "; %s are asked\n" : "\n", grouped(uint64_t(most)).c_str());
  return int(std::clamp<uint64_t>(needed, first.records.size(), uint64_t(most)));
}

}  // namespace

CLI::Option* add_task_options(CLI::App& command, EvalOptions& options) {
  command.add_option("--task", options.questions.task, "task family")->capture_default_str();
  command.add_option("--effort", options.effort, "e0, e1 or e2")->capture_default_str();
  command.add_option("-n,--count", options.questions.count, "questions")
      ->capture_default_str()
      ->check(CLI::Range(1, 100000));
  command.add_option("--question-seed", options.questions.seed, "of the questions")->capture_default_str();
  command.add_option("--split", options.split, "test, development or train")->capture_default_str();
  command.add_option("--k-low", options.questions.k_low, "smallest k of the task")->capture_default_str();
  command.add_option("--k-high", options.questions.k_high, "largest k; 0 = as in training")->capture_default_str();
  auto* const against = command.add_option(
      "--against", options.against,
      "compare with these records of another plan, paired; asks as many questions as that takes, -n at most");
  command.add_option("--margin", options.margin, "with --against: points that do not matter")
      ->capture_default_str()
      ->check(CLI::Range(0.01, 100.0))
      ->needs(against);
  return against;
}

void eval_task(EvalOptions options, AtomicFile* json) {
  options.questions.effort = tasks::effort_named(options.effort);
  options.questions.split = tasks::split_named(options.split);
  std::optional<Answers> others;
  if (!options.against.empty()) others = read_answers(options.against);
  const Family family =
      open_model(options.model,
                 {.threads = options.threads, .sizes = options.plan.sizes_to_load(), .sequences = options.parallel});
  if (family.prompt_format() != PromptFormat::task)
    throw Error({.where = options.model.model,
                 .what = "does not know the reasoning tasks: its prompt format is another",
                 .hint = "--text, --pairs and --choices measure any model"});
  const Plan asked = options.plan.resolved(family), plan = family.resolved(asked);  // with names for the records
  const Sampling sampling = options.plan.sampling(family.default_sampling(), PlanOptions::Seed::as_given);
  family.check(sampling);
  JsonLine settings = settings_json(options, plan, sampling);
  if (json || !options.records.empty()) set_fingerprint(settings, options.model);
  RecordFile records(options.records, settings, options.resume);

  ProgressBar bar("eval " + options.questions.task, {.unit = "questions"});
  TaskRun run{.plan = asked,
              .sampling = sampling,
              .parallel = options.parallel,
              .on_record = [&](const TaskRecord& record) { records.write(record_json(record, options, plan)); },
              .progress = [&](uint64_t done, uint64_t total) { stop_if_asked(options), bar.update(done, total); }};
  for (const JsonRecord& record : records.earlier()) run.answered.push_back(record_of(record));
  if (run.answered.size() > size_t(options.questions.count))
    throw Error({.where = options.records,
                 .what = "holds more answers than are asked for",
                 .expected = "at most " + grouped(uint64_t(options.questions.count)),
                 .got = grouped(run.answered.size()),
                 .hint = "Raise -n, or name another file"});
  TaskQuestionSet questions = options.questions;
  double seconds_before = 0;
  std::vector<std::string> told;
  if (others) {
    const int most = std::min(questions.count, int(others->right.size()));
    questions.count = std::max(std::min(kFirstQuestions, most), int(run.answered.size()));
    TaskAccuracy first = task_accuracy(family, questions, run);
    bar.clear();
    questions.count = questions_to_ask(first, *others, options, most);
    seconds_before = first.seconds;
    told = first.notices;
    print_notices(told);
    run.answered = std::move(first.records);
  }
  TaskAccuracy result = task_accuracy(family, questions, run);
  result.seconds += seconds_before;
  bar.clear();
  if (told.empty()) print_notices(result.notices);
  print_report(result);
  if (others) print(stdout, "%s", comparison_text(answers_of(result, options), *others, options.margin / 100).c_str());
  if (!json) return;
  JsonLine report = report_json(settings, family, result);
  // Seconds are those of all questions only when one run has asked them all.
  if (records.earlier().empty()) report.set("seconds", result.seconds).set("parallel", options.parallel);
  json->write(report.text() + "\n");
  json->commit();
}

}  // namespace starnest::cli
