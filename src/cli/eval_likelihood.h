// What the kinds of `starnest eval` that score by likelihood share.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "cli/eval.h"
#include "cli/record_file.h"

namespace starnest::cli {

// What texts are read after, and how reports call it: its text, empty for none.
struct Start {
  std::string text;
  TokenId id = -1;
};

Start start_of(const Family& family, const EvalOptions& options);  // of --start, the vocabulary, or config.json

std::vector<std::string> sizes_to_score(const Family& family,
                                        const EvalOptions& options);  // all, or the one that is named

// Throws Error for records of several sizes.
void check_records(const EvalOptions& options, const std::vector<std::string>& sizes);

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

std::string tally_text(Tally tally, const std::string& what);

// Of one size; `about`: what else decides the answers.
RecordFile record_file(const EvalOptions& options, const std::string& size, const Start& start, JsonLine about);

// The answers of an earlier run, which must be those of the same questions.
Tally earlier_tally(const RecordFile& records, size_t questions, const std::function<std::string(size_t)>& question);

}  // namespace starnest::cli
