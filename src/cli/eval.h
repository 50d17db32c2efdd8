// What the parts of `starnest eval` share.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/output.h"
#include "cli/common.h"
#include "cli/plan_options.h"
#include "eval/task_accuracy.h"
#include "format/json/jsonl.h"

namespace starnest::cli {

struct EvalOptions {
  ModelOptions model;
  std::string effort = "e2";
  std::string split = "test";
  TaskQuestionSet questions;
  PlanOptions plan;
  std::string json, records;
  bool resume = false;
  std::string against;      // records of another plan
  double margin = 1;        // points
  std::string text, pairs;  // files; then no task is asked
  std::vector<std::string> choices;
  int shots = 5;
  std::optional<std::string> start;  // token
  std::string reference;             // size that KL is measured from; empty: that of the same name
  std::string reference_model;       // family of that size; empty: the model itself
  int window = 1024;
  int parallel = 32;
  int threads = 0;
};

// Throws InterruptedError after Ctrl-C; the records say how to go on.
void stop_if_asked(const EvalOptions& options);

JsonLine tally_json(Tally tally);

// A kind of evaluation is a file of its own. It adds the options that it alone has; the option that is returned asks
// for the kind, or, of tasks, which need none, for a comparison of plans.
CLI::Option* add_task_options(CLI::App& command, EvalOptions& options);
CLI::Option* add_text_options(CLI::App& command, EvalOptions& options);
CLI::Option* add_pairs_options(CLI::App& command, EvalOptions& options);
CLI::Option* add_choices_options(CLI::App& command, EvalOptions& options);

// `json`: the file of --json, opened before the work; null without one.

// Reasoning tasks, by generation (eval_task.cc).
void eval_task(EvalOptions options, AtomicFile* json);

// By likelihood; what they share is in eval_likelihood.h.
// `reference`: the family of --kl-model.
void eval_text(const EvalOptions& options, const Family& family, const Family* reference, AtomicFile* json);
void eval_pairs(const EvalOptions& options, const Family& family, AtomicFile* json);
void eval_choices(const EvalOptions& options, const Family& family, AtomicFile* json);
// SUBJECT_dev.csv beside SUBJECT_test.csv; empty for another name.
std::filesystem::path shots_file(const std::filesystem::path& questions);

}  // namespace starnest::cli
