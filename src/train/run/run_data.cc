#include "train/run/run_data.h"

#include <algorithm>
#include <cstdio>

#include "base/range.h"
#include "base/text.h"
#include "format/weights/model_location.h"
#include "program/terminal.h"
#include "starnest/error.h"
#include "tasks/vocabulary.h"
#include "train/run/input_content.h"
#include "train/run/settings.h"

namespace starnest::train {
namespace {

TextBatches text_batches(const DataSettings& settings, const std::vector<std::string>& files, const std::string& model,
                         int vocabulary, int64_t seed) {
  check(settings);
  const std::filesystem::path file = tokenizer_file(settings, model);
  const Tokenizer tokenizer(file);
  if (tokenizer.size() > size_t(vocabulary))
    throw Error({.where = file.string(),
                 .what = "has more tokens than the model",
                 .expected = "at most " + grouped(uint64_t(vocabulary)),
                 .got = grouped(tokenizer.size())});
  DocumentSettings reading{.end = {}, .most_bad = uint64_t(settings.text.most_bad)};
  if (!settings.text.end.empty()) {
    reading.end = tokenizer.id_of(settings.text.end);
    if (!reading.end)
      throw Error({.where = "--data-end",
                   .what = "the vocabulary of " + file.string() + " has no such token",
                   .got = in_quotes(settings.text.end)});
  }
  Corpus corpus =
      Corpus::open(files, tokenizer, reading, [](const std::string& note) { print(stderr, "%s\n", note.c_str()); });
  print(stderr, "%s: %s documents, %s tokens\n", join(files, " ").c_str(), grouped(corpus.size()).c_str(),
        grouped(corpus.tokens()).c_str());
  TextBatches batches(std::move(corpus), size_t(settings.text.length), size_t(settings.text.rows), uint64_t(seed));
  if (batches.rows_left_out() > 0)
    print(stderr, "%s: %s rows without a token to learn are left out\n", join(files, " ").c_str(),
          grouped(batches.rows_left_out()).c_str());
  return batches;
}

// The ids of the tasks are part of the method, not of a tokenizer.
void check_task_vocabulary(int vocabulary) {
  if (vocabulary < tasks::kVocabulary)
    throw Error({.where = "tasks",
                 .what = "need a vocabulary that the model does not have",
                 .expected = "at least " + std::to_string(tasks::kVocabulary) + " tokens",
                 .got = std::to_string(vocabulary),
                 .hint = "Train on text: --data-files"});
}

}  // namespace

std::string settings_text(const DataSettings& s) {
  return s.is_text() ? settings_text(s.text, "data.") : settings_text(s.mix, "mix.") + settings_text(s.batch, "batch.");
}

std::string identity_text(const DataSettings& settings, const std::string& model) {
  if (!settings.is_text()) return settings_text(settings);
  DataSettings contents = settings;
  for (std::vector<std::string>* files : {&contents.text.files, &contents.text.dev})
    for (std::string& file : *files) file = corpus_content(file);
  contents.text.tokenizer = file_content(tokenizer_file(settings, model));
  return settings_text(contents);
}

std::string description(const DataSettings& settings) {
  if (!settings.is_text()) return "tasks " + join(settings.mix.families, " ");
  std::vector<std::string> names;
  for (const std::string& file : settings.text.files) names.push_back(std::filesystem::path(file).filename().string());
  return "text " + join(names, " ");
}

void check(const DataSettings& settings) {
  if (!settings.is_text()) {
    check(settings.mix);
    check(settings.batch);
    return;
  }
  require_range("--data-length", settings.text.length, 2, 1 << 20);
  require_range("--data-rows", settings.text.rows, 1, 1 << 20);
  require_at_least("--data-dev-rows", settings.text.dev_rows, 1);
  require_at_least("--data-most-bad", settings.text.most_bad, 0);
}

void check_shares(const DataSettings& settings, const Ranks& ranks) {
  require_at_least(settings.is_text() ? "--data-rows" : "--batch-rows",
                   settings.is_text() ? settings.text.rows : settings.batch.rows, ranks.size());
}

std::vector<std::filesystem::path> input_files(const DataSettings& settings, const std::string& model) {
  if (!settings.is_text()) return {};
  std::vector<std::filesystem::path> files{tokenizer_file(settings, model)};
  for (const std::vector<std::string>* names : {&settings.text.files, &settings.text.dev})
    for (const std::string& name : *names)
      for (const char* ending : {"", ".bin", ".idx"})
        if (std::filesystem::exists(name + ending)) files.emplace_back(name + ending);
  return files;
}

std::filesystem::path tokenizer_file(const DataSettings& settings, const std::string& model) {
  const std::string& named = settings.text.tokenizer.empty() ? model : settings.text.tokenizer;
  if (named.empty()) throw Error({.where = "--data-tokenizer", .what = "is missing", .expected = "FOLDER or FILE"});
  if (std::filesystem::is_regular_file(named)) return named;
  return find_model(named) / "tokenizer.json";
}

std::unique_ptr<BatchSource> training_batches(const DataSettings& settings, const std::string& model, int vocabulary,
                                              int64_t seed, int64_t total) {
  if (settings.is_text())
    return std::make_unique<TextBatches>(text_batches(settings, settings.text.files, model, vocabulary, seed));
  check_task_vocabulary(vocabulary);
  return std::make_unique<TaskBatches>(tasks::BatchStream(
      settings.mix, settings.batch, {.seed = uint64_t(seed), .total_batches = uint64_t(std::max<int64_t>(1, total))}));
}

DevData development_data(const DataSettings& settings, const std::string& model, int vocabulary, int problems) {
  DevData dev;
  if (!settings.is_text()) {
    check_task_vocabulary(vocabulary);
    std::vector<std::string> families;  // once each, also those that are drawn more often
    for (const std::string& family : settings.mix.families)
      if (std::find(families.begin(), families.end(), family) == families.end()) families.push_back(family);
    dev.sets =
        dev_sets(families, tasks::Split::development, size_t(problems), 1, {settings.mix.k_low, settings.mix.k_high});
    return dev;
  }
  if (settings.text.dev.empty()) return dev;
  TextBatches batches = text_batches(settings, settings.text.dev, model, vocabulary, 1);
  const size_t rows = std::min(size_t(settings.text.dev_rows), batches.rows_of_round());
  const size_t count = std::max<size_t>(1, rows / size_t(settings.text.rows));
  for (size_t i = 0; i < count; ++i) dev.text.push_back(batches.at(i));
  return dev;
}

}  // namespace starnest::train
