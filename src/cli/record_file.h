// Answers of an evaluation, a JSON line per question in their order, so that a run that was stopped can go on.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "format/json/jsonl.h"

namespace starnest::cli {

class RecordFile {
 public:
  // `path` empty: keeps nothing. `settings`: all that decides the answers; the first record holds it. With `resume`,
  // what the file holds is kept; Error when that was written under other settings. Those that say where something lies
  // (model, elastic, pairs, choices) may differ: beside them stand fingerprints of what lies there.
  RecordFile(const std::string& path, const JsonLine& settings, bool resume);

  const std::vector<JsonRecord>& earlier() const { return earlier_; }  // what the file held
  void write(JsonLine record);

 private:
  void check_same_settings() const;

  std::optional<JsonlWriter> writer_;
  std::vector<JsonRecord> earlier_;
  std::string settings_;
  bool is_first_ = true;
};

}  // namespace starnest::cli
