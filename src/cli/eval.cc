#include "cli/eval.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "program/interrupt.h"

namespace starnest::cli {
namespace {

constexpr const char* kEvalExamples = R"(Examples:
  starnest eval -m models/pocket --task r --effort e2 -n 1000 --size small --json small.json --records small.jsonl
  starnest eval -m models/pocket --task r --effort e2 -n 1000 --think-size small --answer-size large
      --think-budget 24 --think-grace 0
  starnest eval -m models/pocket --task r --size large --records large.jsonl
  starnest eval -m models/pocket --task r --size small --against large.jsonl --margin 2 -n 5000
  starnest eval -m runs/stories --text heldout.txt
  starnest eval -m runs/stories --text heldout.txt --kl-from large
  starnest eval -m runs/stories-nvfp4 --text heldout.txt --kl-model runs/stories
  starnest eval -m runs/stories --pairs blimp.tsv --size small --records small.jsonl
  starnest eval -m models/nano --choices mmlu/abstract_algebra_test.csv --size 12b)";

// Before the work: no output is an input, and each can be written.
void check_files(const EvalOptions& options) {
  std::vector<NamedPath> inputs = inputs_of(options.model), outputs;
  inputs.push_back({"--text", options.text});
  inputs.push_back({"--pairs", options.pairs});
  inputs.push_back({"--against", options.against});
  for (const std::string& file : options.choices) {
    inputs.push_back({"--choices", file});
    inputs.push_back({"--shots", shots_file(file)});
  }
  if (!options.json.empty()) outputs.push_back({"--json", options.json});
  if (!options.records.empty()) outputs.push_back({"--records", options.records});
  check_outputs(outputs, inputs);
  if (!options.records.empty()) check_writable(options.records);
}

void run(const EvalOptions& options) {
  const Interrupt interrupt;
  check_files(options);
  std::optional<AtomicFile> file;
  if (!options.json.empty()) file.emplace(options.json);
  AtomicFile* const json = file ? &*file : nullptr;
  if (options.text.empty() && options.pairs.empty() && options.choices.empty()) return eval_task(options, json);
  options.plan.refuse_beside_likelihood();
  std::vector<std::string> sizes = options.plan.sizes_to_load();
  const bool by_name = options.plan.sizes_given().empty() && !sizes.empty();
  if (!options.reference.empty() && options.reference_model.empty() && by_name) sizes.push_back(options.reference);
  const Family family =
      open_model(options.model, {.threads = options.threads, .sizes = sizes, .sequences = options.parallel});
  if (!options.choices.empty()) return eval_choices(options, family, json);
  if (options.text.empty()) return eval_pairs(options, family, json);
  std::optional<Family> reference;
  if (!options.reference_model.empty()) {
    ModelOptions other = options.model;
    other.model = options.reference_model;
    reference.emplace(open_model(other, {.threads = options.threads, .sequences = options.parallel}));
  }
  eval_text(options, family, reference ? &*reference : nullptr, json);
}

}  // namespace

void stop_if_asked(const EvalOptions& options) {
  Interrupt::check("eval", options.records.empty() ? "" : "The same command with --resume goes on");
}

JsonLine tally_json(Tally tally) {
  const Interval interval = wilson(tally);
  JsonLine line;
  line.set("n", tally.trials).set("right", tally.successes);
  line.set("accuracy", tally.trials ? double(tally.successes) / double(tally.trials) : 0.0);
  return line.set("wilson_low", interval.low).set("wilson_high", interval.high);
}

void add_eval(CLI::App& app) {
  const auto options = std::make_shared<EvalOptions>();
  CLI::App* command =
      app.add_subcommand("eval", "Measure accuracy on reasoning tasks, by generation, or the likelihood of text");
  command->footer(kEvalExamples);
  add_model_options(*command, options->model);
  add_device_option(*command, options->model);
  CLI::Option* const against = add_task_options(*command, *options);
  CLI::Option* const text = add_text_options(*command, *options);
  CLI::Option* const pairs = add_pairs_options(*command, *options);
  CLI::Option* const choices = add_choices_options(*command, *options);
  pairs->excludes(text);
  choices->excludes(text)->excludes(pairs);
  for (CLI::Option* const kind : {text, pairs, choices}) against->excludes(kind);
  command->add_option(
      "--start", options->start,
      "token that texts and sentences are read after; '' = none; not given: <|endoftext|>, else that of config.json");
  options->plan.plan.max_tokens = 128;
  options->plan.plan.answer_reserve = 8;
  options->plan.add_to(*command, {{"seed", "-s"}});  // -n counts the questions here
  auto* const records =
      command->add_option("--records", options->records, "write every question and answer to this file (JSON lines)");
  records->excludes(text);
  command->add_flag("--resume", options->resume, "go on with the records of a run that was stopped")->needs(records);
  command->add_option("--json", options->json, "write the report to this file");
  command->add_option("--parallel", options->parallel, "questions that share the engine's steps")
      ->capture_default_str()
      ->check(CLI::Range(1, 4096));
  command->add_option("-t,--threads", options->threads, "threads; 0 = all that this process may use")
      ->capture_default_str();
  command->callback([options] { run(*options); });
}

}  // namespace starnest::cli
