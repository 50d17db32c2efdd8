// Multiple choice: which letter is likeliest.
#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/eval_likelihood.h"
#include "eval/choices.h"
#include "format/weights/fingerprint.h"
#include "program/progress_bar.h"
#include "program/terminal.h"
#include "starnest/error.h"

namespace starnest::cli {
namespace {

constexpr std::string_view kTest = "_test";  // ends the name of a file of questions

// "high_school_mathematics_test.csv" is about "high school mathematics", and "..._dev.csv" beside it has the shots.
struct ChoiceFile {
  std::string subject;
  std::vector<ChoiceQuestion> shots, questions;
};
ChoiceFile read_choices(const EvalOptions& options, const std::filesystem::path& file) {
  ChoiceFile read{file.stem().string(), {}, read_choice_questions(file)};
  const std::filesystem::path shots = shots_file(file);
  if (!shots.empty()) read.subject.resize(read.subject.size() - kTest.size());
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

std::string name_of(const ChoiceFile& file, size_t question) {
  return file.subject + ": " + file.questions[question].question;
}

// One size that answers.
struct Answering {
  const EvalOptions& options;
  const Family& family;
  const std::string& size;
  TokenId start;
};

JsonLine record_json(const Answering& by, const ChoiceFile& file, size_t question, size_t picked) {
  const size_t answer = file.questions[question].answer;
  return JsonLine()
      .set("question", name_of(file, question))
      .set("think_size", by.size)
      .set("answer_size", by.size)
      .set("expected", std::string(1, char('A' + answer)))
      .set("answer", std::string(1, char('A' + picked)))
      .set("right", picked == answer);
}

// Asks the questions of a file behind those that an earlier run has answered, which are records [before, ...).
Tally ask(const Answering& by, const ChoiceFile& file, size_t before, RecordFile& records) {
  Tally tally;
  for (size_t i = before; i < std::min(records.earlier().size(), before + file.questions.size()); ++i)
    tally.trials += 1, tally.successes += records.earlier()[i].flag("right") ? 1 : 0;
  ProgressBar bar("eval " + by.size + ", " + file.subject, {.unit = "questions"});
  while (tally.trials < file.questions.size()) {
    const size_t i = tally.trials;
    const size_t picked = likeliest_choice(by.family, by.size, file.subject, file.shots, file.questions[i], by.start);
    tally.trials += 1, tally.successes += picked == file.questions[i].answer ? 1 : 0;
    records.write(record_json(by, file, i, picked));
    stop_if_asked(by.options);
    bar.update(tally.trials, file.questions.size());
  }
  return tally;
}

}  // namespace

CLI::Option* add_choices_options(CLI::App& command, EvalOptions& options) {
  command.add_option("--shots", options.shots, "examples before a question, from SUBJECT_dev.csv")
      ->capture_default_str()
      ->check(CLI::Range(0, 100));
  return command.add_option("--choices", options.choices,
                            "multiple choice instead of a task: SUBJECT_test.csv files as those of MMLU");
}

std::filesystem::path shots_file(const std::filesystem::path& questions) {
  std::string subject = questions.stem().string();
  if (!subject.ends_with(kTest)) return {};
  subject.resize(subject.size() - kTest.size());
  return questions.parent_path() / (subject + "_dev.csv");
}

void eval_choices(const EvalOptions& options, const Family& family, AtomicFile* json) {
  const std::vector<std::string> sizes = sizes_to_score(family, options);
  check_records(options, sizes);
  const Start start = start_of(family, options);
  std::vector<std::filesystem::path> contents;
  for (const std::string& file : options.choices) {
    contents.emplace_back(file);
    if (options.shots > 0) contents.push_back(shots_file(file));
  }
  const JsonLine about = JsonLine()
                             .set("choices", options.choices)
                             .set("choices_content", fingerprint(contents))
                             .set("shots", options.shots);
  LikelihoodReport report(json, options, start, about);
  std::vector<ChoiceFile> files;
  std::vector<std::string> names;  // of all questions
  for (const std::string& file : options.choices) {
    files.push_back(read_choices(options, file));
    for (size_t i = 0; i < files.back().questions.size(); ++i) names.push_back(name_of(files.back(), i));
  }
  for (const std::string& size : sizes) {
    RecordFile records = record_file(options, size, start, about);
    earlier_tally(records, names.size(), [&](size_t i) { return names[i]; });
    Tally all;
    JsonLine subjects;
    size_t before = 0;  // questions of the files so far
    for (const ChoiceFile& file : files) {
      const Tally tally = ask({options, family, size, start.id}, file, before, records);
      print(stdout, "%s, %s: %s\n", size.c_str(), file.subject.c_str(), tally_text(tally, "questions").c_str());
      subjects.set(file.subject, tally_json(tally));
      all.trials += tally.trials, all.successes += tally.successes;
      before += file.questions.size();
    }
    if (files.size() > 1) print(stdout, "%s, all: %s\n", size.c_str(), tally_text(all, "questions").c_str());
    report.add(size, tally_json(all).set("subjects", subjects));
  }
  report.write();
}

}  // namespace starnest::cli
