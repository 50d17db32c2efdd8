#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/common.h"
#include "cli/plan_options.h"
#include "cli/progress_bar.h"
#include "core/base/file.h"
#include "core/base/text.h"
#include "core/format/jsonl.h"
#include "eval/choices.h"
#include "eval/likelihood.h"
#include "eval/task_accuracy.h"
#include "starnest/error.h"

namespace starnest::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  starnest eval -m models/pocket --task r --effort e2 -n 1000 --size small --json small.json --records small.jsonl
  starnest eval -m models/pocket --task r --effort e2 -n 1000 --think-size small --answer-size large
      --think-budget 24 --think-grace 0
  starnest eval -m runs/stories --text heldout.txt
  starnest eval -m runs/stories --text heldout.txt --kl-from large
  starnest eval -m runs/stories --pairs blimp.tsv --size small --records small.jsonl
  starnest eval -m models/nano --choices mmlu/abstract_algebra_test.csv --size 12b)";

struct EvalOptions {
  ModelOptions model;
  std::string effort = "e2";
  std::string split = "test";
  TaskQuestionSet questions;
  PlanOptions plan;
  std::string json, records;
  std::string text, pairs;  // files; then no task is asked
  std::vector<std::string> choices;
  int shots = 5;
  std::string start = "<|endoftext|>";
  std::string reference;  // size that KL is measured from
  int window = 1024;
  int parallel = 32;
  int threads = 0;
};

constexpr ThinkEnd kEnds[] = {ThinkEnd::natural, ThinkEnd::boundary, ThinkEnd::forced, ThinkEnd::stopped};

JsonLine tally_json(Tally tally) {
  const Interval interval = wilson(tally);
  JsonLine line;
  line.set("n", tally.trials).set("right", tally.successes);
  line.set("accuracy", tally.trials ? double(tally.successes) / double(tally.trials) : 0.0);
  return line.set("wilson_low", interval.low).set("wilson_high", interval.high);
}

uint64_t active_parameters(const Family& family, const std::string& name) {
  for (const SizeInfo& size : family.sizes())
    if (size.name == name) return size.active_parameters;
  return 0;
}

JsonLine report_json(const EvalOptions& options, const Family& family, const Plan& plan, const Sampling& sampling,
                     const TaskAccuracy& result) {
  JsonLine ends;
  for (const ThinkEnd end : kEnds) ends.set(name_of(end), result.count(end));
  std::map<int, Tally> by_k;
  for (const TaskRecord& record : result.records) {
    by_k[record.problem.k].trials += 1;
    by_k[record.problem.k].successes += record.right ? 1 : 0;
  }
  JsonLine knobs;
  for (const auto& [k, tally] : by_k) knobs.set(std::to_string(k), tally_json(tally));
  return JsonLine()
      .set("model", options.model.model)
      .set("task", options.questions.task)
      .set("effort", options.effort)
      .set("split", options.split)
      .set("question_seed", options.questions.seed)
      .set("think_size", result.think_size)
      .set("answer_size", result.answer_size)
      .set("think_budget", plan.think_budget)
      .set("think_grace", plan.think_grace)
      .set("max_tokens", plan.max_tokens)
      .set("answer_reserve", plan.answer_reserve)
      .set("temperature", sampling.temperature)
      .set("top_k", sampling.top_k)
      .set("top_p", sampling.top_p)
      .set("min_p", sampling.min_p)
      .set("sampler_seed", sampling.seed)
      .set("result", tally_json(result.tally()))
      .set("think_ends", ends)
      .set("mean_prompt_tokens", result.mean(&TaskRecord::prompt_tokens))
      .set("mean_thinking_tokens", result.mean(&TaskRecord::thinking_tokens))
      .set("mean_answer_tokens", result.mean(&TaskRecord::answer_tokens))
      .set("mean_bytes", result.mean_bytes())
      .set("hand_over", plan.hand_over)
      .set("switch_size", plan.switch_size)
      .set("switch_after", plan.switch_after)
      .set("switch_entropy", plan.switch_entropy)
      .set("think_active_parameters", active_parameters(family, result.think_size))
      .set("answer_active_parameters", active_parameters(family, result.answer_size))
      .set("parallel", options.parallel)
      .set("by_k", knobs)
      .set("seconds", result.seconds);
}

void write_records(const std::string& path, const EvalOptions& options, const TaskAccuracy& result) {
  JsonlWriter writer(path, JsonlWriter::Mode::replace);
  for (const TaskRecord& record : result.records)
    writer.write(JsonLine()
                     .set("question", record.problem.canonical() + "?" + options.effort)
                     .set("k", record.problem.k)
                     .set("think_size", result.think_size)
                     .set("answer_size", result.answer_size)
                     .set("expected", record.expected)
                     .set("answer", record.answer)
                     .set("right", record.right)
                     .set("thinking", record.thinking)
                     .set("think_end", name_of(record.think_end))
                     .set("thinking_tokens", record.thinking_tokens)
                     .set("answer_tokens", record.answer_tokens));
}

void print_report(const TaskAccuracy& result) {
  const Tally tally = result.tally();
  std::printf("%s thinks, %s answers: %llu of %llu right, %.1f %% (%s)\n", result.think_size.c_str(),
              result.answer_size.c_str(), static_cast<unsigned long long>(tally.successes),
              static_cast<unsigned long long>(tally.trials), 100 * double(tally.successes) / double(tally.trials),
              interval_text(tally).c_str());
  std::printf("thinking: %.1f tokens on average; ended", result.mean(&TaskRecord::thinking_tokens));
  for (const ThinkEnd end : kEnds) std::printf(" %s %d", name_of(end), result.count(end));
  std::printf("; %.1f s\n", result.seconds);
}

std::vector<std::string> sizes_to_score(const Family& family, const EvalOptions& options) {
  std::vector<std::string> names = options.plan.sizes();
  if (!names.empty()) return {names.front()};  // --size
  for (const SizeInfo& size : family.sizes()) names.push_back(size.name);
  return names;
}

void score_text(const EvalOptions& options, const Family& family) {
  for (const std::string& size : sizes_to_score(family, options)) {
    ProgressBar bar("eval " + size, "windows");
    const TextLikelihood result =
        text_likelihood(family, size, options.text, token_named(family, options.start), size_t(options.window),
                        options.parallel, [&](uint64_t done, uint64_t total) { bar.update(done, total); });
    bar.clear();
    std::printf("%s: perplexity %.3f, %.4f bits per byte; %s tokens of %s documents in windows of %d\n", size.c_str(),
                result.perplexity(), result.bits_per_byte(), grouped(result.tokens).c_str(),
                grouped(result.documents).c_str(), options.window);
    if (options.reference.empty() || options.reference == size) continue;
    ProgressBar second("eval " + size + " against " + options.reference, "windows");
    const TextDivergence from = text_divergence(
        family, size, options.reference, options.text, token_named(family, options.start), size_t(options.window),
        options.parallel, [&](uint64_t done, uint64_t total) { second.update(done, total); });
    second.clear();
    std::printf("%s: KL from %s %.4f nats per token; the same likeliest token for %.1f %%\n", size.c_str(),
                options.reference.c_str(), from.mean, 100 * from.same_choice);
  }
}

void check_records(const EvalOptions& options, const std::vector<std::string>& sizes) {
  if (!options.records.empty() && sizes.size() > 1)
    throw Error({.where = "--records", .what = "holds the answers of one size", .hint = "Name one with --size"});
}

void print_tally(const std::string& what, Tally tally) {
  std::printf("%s: %s of %s right, %.1f %% (%s)\n", what.c_str(), grouped(tally.successes).c_str(),
              grouped(tally.trials).c_str(), 100 * double(tally.successes) / double(tally.trials),
              interval_text(tally).c_str());
}

void score_pairs(const EvalOptions& options, const Family& family) {
  const std::vector<MinimalPair> pairs = read_minimal_pairs(options.pairs);
  const std::vector<std::string> sizes = sizes_to_score(family, options);
  check_records(options, sizes);
  for (const std::string& size : sizes) {
    ProgressBar bar("eval " + size, "sentences");
    const std::vector<bool> right =
        prefers_good(family, size, pairs, token_named(family, options.start), options.parallel,
                     [&](uint64_t done, uint64_t total) { bar.update(done, total); });
    bar.clear();
    Tally tally;
    for (const bool good : right) tally.trials += 1, tally.successes += good ? 1 : 0;
    std::printf("%s: the good sentence is likelier in %s of %s pairs, %.1f %% (%s)\n", size.c_str(),
                grouped(tally.successes).c_str(), grouped(tally.trials).c_str(),
                100 * double(tally.successes) / double(tally.trials), interval_text(tally).c_str());
    if (options.records.empty()) continue;
    JsonlWriter writer(options.records, JsonlWriter::Mode::replace);
    for (size_t i = 0; i < pairs.size(); ++i)
      writer.write(JsonLine()
                       .set("question", pairs[i].paradigm + ": " + pairs[i].good + " / " + pairs[i].bad)
                       .set("think_size", size)
                       .set("answer_size", size)
                       .set("right", bool(right[i])));
  }
}

// "high_school_mathematics_test.csv" is about "high school mathematics", and "..._dev.csv" beside it has the shots.
struct ChoiceFile {
  std::string subject;
  std::vector<ChoiceQuestion> shots, questions;
};
ChoiceFile read_choices(const EvalOptions& options, const std::filesystem::path& file) {
  constexpr std::string_view kTest = "_test";
  ChoiceFile read{file.stem().string(), {}, read_choice_questions(file)};
  std::filesystem::path shots;
  if (read.subject.ends_with(kTest)) {
    read.subject.resize(read.subject.size() - kTest.size());
    shots = file.parent_path() / (read.subject + "_dev.csv");
  }
  for (char& c : read.subject)
    if (c == '_') c = ' ';
  if (options.shots == 0) return read;
  if (shots.empty() || !std::filesystem::exists(shots))
    throw Error({.where = "--shots",
                 .what = "finds no examples beside " + file.string(),
                 .expected = "SUBJECT_test.csv and SUBJECT_dev.csv",
                 .hint = "--shots 0 asks without examples"});
  read.shots = read_choice_questions(shots);
  if (read.shots.size() > size_t(options.shots)) read.shots.resize(size_t(options.shots));
  return read;
}

void score_choices(const EvalOptions& options, const Family& family) {
  const std::vector<std::string> sizes = sizes_to_score(family, options);
  check_records(options, sizes);
  std::optional<JsonlWriter> writer;
  if (!options.records.empty()) writer.emplace(options.records, JsonlWriter::Mode::replace);
  for (const std::string& size : sizes) {
    Tally all;
    for (const std::string& file : options.choices) {
      const ChoiceFile read = read_choices(options, file);
      ProgressBar bar("eval " + size + ", " + read.subject, "questions");
      const std::vector<size_t> picked =
          likeliest_choices(family, size, read.subject, read.shots, read.questions, token_named(family, options.start),
                            [&](uint64_t done, uint64_t total) { bar.update(done, total); });
      bar.clear();
      Tally tally;
      for (size_t i = 0; i < picked.size(); ++i) {
        const bool right = picked[i] == read.questions[i].answer;
        tally.trials += 1, tally.successes += right ? 1 : 0;
        if (writer)
          writer->write(JsonLine()
                            .set("question", read.subject + ": " + read.questions[i].question)
                            .set("think_size", size)
                            .set("answer_size", size)
                            .set("expected", std::string(1, char('A' + read.questions[i].answer)))
                            .set("answer", std::string(1, char('A' + picked[i])))
                            .set("right", right));
      }
      print_tally(size + ", " + read.subject, tally);
      all.trials += tally.trials, all.successes += tally.successes;
    }
    if (options.choices.size() > 1) print_tally(size + ", all", all);
  }
}

void run(EvalOptions options) {
  if (!options.text.empty() || !options.pairs.empty() || !options.choices.empty()) {
    std::vector<std::string> sizes = options.plan.sizes();
    if (!options.reference.empty() && !sizes.empty()) sizes.push_back(options.reference);
    const Family family = open_model(options.model, {.threads = options.threads, .sizes = sizes});
    if (!options.choices.empty()) return score_choices(options, family);
    return options.text.empty() ? score_pairs(options, family) : score_text(options, family);
  }
  options.questions.effort = tasks::effort_named(options.effort);
  options.questions.split = tasks::split_named(options.split);
  const Plan plan = options.plan.resolved();
  std::optional<AtomicFile> json;
  if (!options.json.empty()) json.emplace(options.json);  // a file that cannot be written is known before the work
  const Family family = open_model(options.model, {.threads = options.threads, .sizes = options.plan.sizes()});
  const Sampling sampling = options.plan.sampling(family.default_sampling(), PlanOptions::Seed::as_given);
  ProgressBar bar("eval " + options.questions.task, "questions");
  const TaskAccuracy result = task_accuracy(family, options.questions, plan, sampling, options.parallel,
                                            [&](uint64_t done, uint64_t total) { bar.update(done, total); });
  bar.clear();
  print_report(result);
  if (!options.records.empty()) write_records(options.records, options, result);
  if (!json) return;
  json->write(report_json(options, family, plan, sampling, result).text() + "\n");
  json->commit();
}

}  // namespace

void add_eval(CLI::App& app) {
  const auto options = std::make_shared<EvalOptions>();
  CLI::App* command =
      app.add_subcommand("eval", "Measure accuracy on reasoning tasks, by generation, or the likelihood of text");
  command->footer(kExamples);
  add_model_options(*command, options->model);
  command->add_option("--task", options->questions.task, "task family")->capture_default_str();
  auto* const text =
      command->add_option("--text", options->text, "perplexity of this text instead of a task (*.jsonl or plain)");
  command->add_option("--pairs", options->pairs, "minimal pairs instead of a task: TSV with the columns good and bad")
      ->excludes(text);
  command
      ->add_option("--choices", options->choices,
                   "multiple choice instead of a task: SUBJECT_test.csv files as those of MMLU")
      ->excludes(text);
  command->add_option("--shots", options->shots, "examples before a question, from SUBJECT_dev.csv")
      ->capture_default_str()
      ->check(CLI::Range(0, 100));
  command->add_option("--start", options->start, "token that texts and sentences are read after, if there is one")
      ->capture_default_str();
  command->add_option("--kl-from", options->reference, "with --text: also the KL from this size")->needs(text);
  command->add_option("--window", options->window, "tokens of text that are read at a time")
      ->capture_default_str()
      ->check(CLI::Range(2, 1 << 20));
  command->add_option("--effort", options->effort, "e0, e1 or e2")->capture_default_str();
  options->plan.plan.max_tokens = 128;
  options->plan.plan.answer_reserve = 8;
  options->plan.add_to(*command, {{"seed", "-s"}});  // -n counts the questions here
  command->add_option("-n,--count", options->questions.count, "questions")
      ->capture_default_str()
      ->check(CLI::Range(1, 100000));
  command->add_option("--question-seed", options->questions.seed, "of the questions")->capture_default_str();
  command->add_option("--split", options->split, "test, development or train")->capture_default_str();
  command->add_option("--k-low", options->questions.k_low, "smallest k of the task")->capture_default_str();
  command->add_option("--k-high", options->questions.k_high, "largest k; 0 = as in training")->capture_default_str();
  command->add_option("--records", options->records, "write every question and answer to this file (JSON lines)");
  command->add_option("--json", options->json, "write the report to this file");
  command->add_option("--parallel", options->parallel, "questions that share the engine's steps")
      ->capture_default_str()
      ->check(CLI::Range(1, 4096));
  command->add_option("-t,--threads", options->threads, "threads; 0 = all that this process may use")
      ->capture_default_str();
  command->callback([options] { run(*options); });
}

}  // namespace starnest::cli
