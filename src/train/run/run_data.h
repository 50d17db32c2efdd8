// What the jobs train on and are measured by: synthetic tasks, or text when files are named.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tasks/batch.h"
#include "train/data/batch_source.h"
#include "train/data/text_batches.h"
#include "train/run/measure.h"

namespace starnest::train {

struct DataSettings {
  tasks::MixConfig mix;
  tasks::BatchConfig batch;
  TextSettings text;

  bool is_text() const { return !text.files.empty(); }
};

std::string settings_text(const DataSettings& settings);  // only those in use

// The same with the contents of the files in place of their names (input_content.h). `model`: see tokenizer_file.
std::string identity_text(const DataSettings& settings, const std::string& model);

std::string description(const DataSettings& settings);  // "tasks r h", "text stories.txt"

// Throws Error naming the first setting that is out of range.
void check(const DataSettings& settings);

// Throws Error when a batch has fewer rows than there are processes to share them.
void check_shares(const DataSettings& settings, const Ranks& ranks);

// What is read: data, development data, tokenizer.
std::vector<std::filesystem::path> input_files(const DataSettings& settings, const std::string& model);

// The tokenizer of the text: text.tokenizer, or that of the folder `model`.
std::filesystem::path tokenizer_file(const DataSettings& settings, const std::string& model);

// The batches of a run of `total` batches. `model`: folder whose tokenizer text is read with, unless another is named;
// `vocabulary`: of the model. Throws Error for data that cannot be read, holds nothing, or has more ids than that.
std::unique_ptr<BatchSource> training_batches(const DataSettings& settings, const std::string& model, int vocabulary,
                                              int64_t seed, int64_t total);

// `problems` problems of the tasks, or the rows of text.dev.
DevData development_data(const DataSettings& settings, const std::string& model, int vocabulary, int problems);

}  // namespace starnest::train
