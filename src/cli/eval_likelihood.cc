#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "arch/family_spec.h"
#include "base/output.h"
#include "base/text.h"
#include "cli/eval.h"
#include "cli/record_file.h"
#include "eval/choices.h"
#include "eval/likelihood.h"
#include "engine/engine.h"
#include "format/text/tokenizer.h"
#include "format/weights/fingerprint.h"
#include "program/progress_bar.h"
#include "program/terminal.h"
#include "starnest/error.h"

namespace starnest::cli {
namespace {

constexpr size_t kPairsAtOnce = 256;  // between two additions to the records

constexpr std::string_view kTest = "_test";  // ends the name of a file of questions

constexpr const char* kUsualStart = "<|endoftext|>";

// What texts are read after, and how reports call it: its text, empty for none.
struct Start {
  std::string text;
  TokenId id = -1;
};

// The start that config.json names, for a vocabulary without the usual one.
Start start_of_config(const FamilySpec& spec, const Tokenizer& tokenizer) {
  const std::optional<int> id = spec.config.find_int({"bos_token_id"});
  if (!id) return {};
  if (*id < 0 || *id >= spec.spec.vocab)
    throw Error({.where = spec.config.where() + ": key 'bos_token_id'",
                 .what = "is outside the vocabulary",
                 .expected = "0 to " + std::to_string(spec.spec.vocab - 1),
                 .got = std::to_string(*id),
                 .hint = "--start names another token; --start '' reads without one"});
  const std::string text = tokenizer.token_text(*id);
  return {text.empty() ? "token " + std::to_string(*id) : text, *id};
}

Start start_of(const Family& family, const EvalOptions& options) {
  const Tokenizer& tokenizer = family.tokenizer();
  const std::string text = options.start.value_or(kUsualStart);
  if (const std::optional<TokenId> id = tokenizer.id_of(text)) return {text, *id};
  if (!options.start) return start_of_config(family.spec(), tokenizer);
  if (text.empty()) return {};
  throw Error({.where = "--start",
               .what = "the vocabulary has no such token",
               .got = in_quotes(text),
               .hint = "Name the token that documents begin after, or give --start '' for none"});
}

std::vector<std::string> sizes_to_score(const Family& family, const EvalOptions& options) {
  std::vector<std::string> names = options.plan.sizes();
  for (const std::string& name : names)
    if (name != names.front())
      throw Error({.where = "--think-size and --answer-size",
                   .what = "name two sizes, and a likelihood is that of one",
                   .hint = "Name one with --size, or none for all"});
  if (!names.empty()) return {names.front()};
  for (const SizeInfo& size : family.sizes()) names.push_back(size.name);
  return names;
}

void check_records(const EvalOptions& options, const std::vector<std::string>& sizes) {
  if (!options.records.empty() && sizes.size() > 1)
    throw Error({.where = "--records", .what = "holds the answers of one size", .hint = "Name one with --size"});
}

// The file of --json, if there is one: what was measured, by size.
class LikelihoodReport {
 public:
  LikelihoodReport(AtomicFile* file, const EvalOptions& options, const Start& start, JsonLine about)
      : about_(std::move(about)), file_(file) {
    if (!file_) return;
    about_.set("model", options.model.model);
    set_fingerprint(about_, options.model);
    about_.set("start", start.text);
  }
  void add(const std::string& size, const JsonLine& result) { sizes_.set(size, result); }
  void write() {
    if (!file_) return;
    file_->write(about_.set("sizes", sizes_).text() + "\n");
    file_->commit();
  }

 private:
  JsonLine about_, sizes_;
  AtomicFile* file_;
};

std::string tally_text(Tally tally, const std::string& what) {
  return grouped(tally.successes) + " of " + grouped(tally.trials) + " " + what +
         format_number(", %.1f %% (", 100 * double(tally.successes) / double(tally.trials)) + interval_text(tally) +
         ")";
}

// Of one size; `about`: what else decides the answers.
RecordFile record_file(const EvalOptions& options, const std::string& size, const Start& start, JsonLine about) {
  about.set("model", options.model.model).set("elastic", options.model.elastic);
  if (!options.records.empty()) set_fingerprint(about, options.model);
  about.set("size", size).set("start", start.text);
  return RecordFile(options.records, about, options.resume);
}

// The answers of an earlier run, which must be those of the same questions.
Tally earlier_tally(const RecordFile& records, size_t questions, const auto& question) {
  Tally tally;
  for (const JsonRecord& record : records.earlier()) {
    if (tally.trials >= questions || record.text("question") != question(tally.trials))
      throw Error({.where = record.where(),
                   .what = "answers another question than the one here",
                   .got = in_quotes(record.text("question")),
                   .hint = "Name another file, or leave --resume out to begin anew"});
    tally.trials += 1, tally.successes += record.flag("right") ? 1 : 0;
  }
  return tally;
}

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

// How far the size is from that of --kl-from: printed, and into `line`.
void add_divergence(const EvalOptions& options, const Family& family, const std::string& size, const TextWindows& text,
                    JsonLine& line) {
  ProgressBar bar("eval " + size + " against " + options.reference, {.unit = "windows"});
  const TextDivergence from =
      text_divergence(family, size, options.reference, text, options.parallel,
                      [&](uint64_t done, uint64_t total) { stop_if_asked(options), bar.update(done, total); });
  bar.clear();
  print(stdout, "%s: KL from %s %.4f nats per token; the same likeliest token for %.1f %%\n", size.c_str(),
        options.reference.c_str(), from.mean, 100 * from.same_choice);
  line.set("kl_from", options.reference).set("kl", from.mean).set("same_choice", from.same_choice);
}

}  // namespace

std::filesystem::path shots_file(const std::filesystem::path& questions) {
  std::string subject = questions.stem().string();
  if (!subject.ends_with(kTest)) return {};
  subject.resize(subject.size() - kTest.size());
  return questions.parent_path() / (subject + "_dev.csv");
}

void eval_text(const EvalOptions& options, const Family& family, AtomicFile* json) {
  if (!options.reference.empty()) family.size(options.reference);  // known before the text is read
  const Start start = start_of(family, options);
  LikelihoodReport report(json, options, start,
                          JsonLine()
                              .set("text", options.text)
                              .set("text_content", json ? fingerprint(options.text) : "")
                              .set("window", options.window));
  const TextWindows text = read_windows(family, options.text, start.id, size_t(options.window));
  if (text.documents.empty > 0) print_notices({options.text + ": " + empty_text(text.documents)});
  for (const std::string& size : sizes_to_score(family, options)) {
    ProgressBar bar("eval " + size, {.unit = "windows"});
    const TextLikelihood result =
        text_likelihood(family, size, text, options.parallel,
                        [&](uint64_t done, uint64_t total) { stop_if_asked(options), bar.update(done, total); });
    bar.clear();
    print(stdout, "%s: perplexity %.3f, %.4f bits per byte; %s tokens of %s documents in windows of %d\n", size.c_str(),
          result.perplexity(), result.bits_per_byte(), grouped(text.tokens).c_str(),
          grouped(text.documents.documents).c_str(), options.window);
    JsonLine line;
    line.set("perplexity", result.perplexity()).set("bits_per_byte", result.bits_per_byte());
    line.set("tokens", text.tokens).set("bytes", text.bytes);
    line.set("documents", text.documents.documents).set("empty_documents", text.documents.empty);
    if (!options.reference.empty() && options.reference != size) add_divergence(options, family, size, text, line);
    report.add(size, line);
  }
  report.write();
}

void eval_pairs(const EvalOptions& options, const Family& family, AtomicFile* json) {
  const std::vector<MinimalPair> pairs = read_minimal_pairs(options.pairs);
  const auto name = [&](size_t i) { return pairs[i].paradigm + ": " + pairs[i].good + " / " + pairs[i].bad; };
  const std::vector<std::string> sizes = sizes_to_score(family, options);
  check_records(options, sizes);
  const Start start = start_of(family, options);
  const JsonLine about = JsonLine().set("pairs", options.pairs).set("pairs_content", fingerprint(options.pairs));
  LikelihoodReport report(json, options, start, about);
  for (const std::string& size : sizes) {
    RecordFile records = record_file(options, size, start, about);
    Tally tally = earlier_tally(records, pairs.size(), name);
    ProgressBar bar("eval " + size, {.unit = "pairs"});
    while (tally.trials < pairs.size()) {
      const size_t first = tally.trials, count = std::min(kPairsAtOnce, pairs.size() - first);
      const std::vector<bool> right =
          prefers_good(family, size, std::span(pairs).subspan(first, count), start.id, options.parallel,
                       [&](uint64_t, uint64_t) { stop_if_asked(options); });
      for (size_t i = 0; i < count; ++i) {
        tally.trials += 1, tally.successes += right[i] ? 1 : 0;
        records.write(JsonLine()
                          .set("question", name(first + i))
                          .set("think_size", size)
                          .set("answer_size", size)
                          .set("right", bool(right[i])));
      }
      bar.update(tally.trials, pairs.size());
    }
    bar.clear();
    print(stdout, "%s: the good sentence is likelier in %s\n", size.c_str(), tally_text(tally, "pairs").c_str());
    report.add(size, tally_json(tally));
  }
  report.write();
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
    for (const ChoiceQuestion& q : files.back().questions) names.push_back(files.back().subject + ": " + q.question);
  }
  for (const std::string& size : sizes) {
    RecordFile records = record_file(options, size, start, about);
    earlier_tally(records, names.size(), [&](size_t i) { return names[i]; });
    Tally all;
    JsonLine subjects;
    size_t before = 0;  // questions of the files so far
    for (const ChoiceFile& file : files) {
      Tally tally;
      for (size_t i = before; i < std::min(records.earlier().size(), before + file.questions.size()); ++i)
        tally.trials += 1, tally.successes += records.earlier()[i].flag("right") ? 1 : 0;
      ProgressBar bar("eval " + size + ", " + file.subject, {.unit = "questions"});
      while (tally.trials < file.questions.size()) {
        const size_t i = tally.trials, answer = file.questions[i].answer;
        const size_t picked = likeliest_choice(family, size, file.subject, file.shots, file.questions[i], start.id);
        tally.trials += 1, tally.successes += picked == answer ? 1 : 0;
        records.write(JsonLine()
                          .set("question", names[before + i])
                          .set("think_size", size)
                          .set("answer_size", size)
                          .set("expected", std::string(1, char('A' + answer)))
                          .set("answer", std::string(1, char('A' + picked)))
                          .set("right", picked == answer));
        stop_if_asked(options);
        bar.update(tally.trials, file.questions.size());
      }
      bar.clear();
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
