// Batches of packed text.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "train/data/batch_source.h"
#include "train/data/corpus.h"
#include "train/data/packing.h"

namespace starnest::train {

struct TextSettings {
  std::vector<std::string> files;     // PREFIX of token shards, JSON lines, or plain text; empty: tasks instead
  std::vector<std::string> dev;       // the same, measured and never trained on
  std::string tokenizer;              // folder or tokenizer.json; empty: that of the model
  std::string end = "<|endoftext|>";  // token that ends a document of a text file; empty: none
  int64_t most_bad = 0;               // bad documents to leave out before giving up
  int length = 256;                   // tokens in a row
  int rows = 8;                       // rows in a batch
  int dev_rows = 64;                  // rows that are measured, at most

  template <class Visitor>
  static void fields(Visitor&& field) {
    field("files", &TextSettings::files,
          "PREFIX of token shards, *.json, *.jsonl, *.ndjson or plain text; none = train on tasks");
    field("dev", &TextSettings::dev, "the same, measured and never trained on");
    field("tokenizer", &TextSettings::tokenizer, "folder or tokenizer.json; empty = that of the model");
    field("end", &TextSettings::end, "token that ends each document of a text file; empty = none");
    field("most_bad", &TextSettings::most_bad, "bad documents to leave out before giving up");
    field("length", &TextSettings::length, "tokens in a row");
    field("rows", &TextSettings::rows, "rows in a batch");
    field("dev_rows", &TextSettings::dev_rows, "rows that are measured, at most");
  }
};

// The packed rows of a corpus. Batch i holds the rows [i * rows, (i + 1) * rows) of the endless list of all rows, in
// another order every round; so any batch can be made again. Not thread-safe.
class TextBatches : public BatchSource {
 public:
  // Takes the corpus over. length, rows >= 1. A row without a token to learn (the beginning of a prompt that is longer
  // than a row, a single token) is left out. Throws Error when no row is left.
  TextBatches(Corpus corpus, size_t length, size_t rows, uint64_t seed);

  // Segments number the pieces of a row; padding is a segment of its own. The mask is 1 where the next token is of the
  // same piece and part of a completion.
  BatchTensors at(uint64_t index) override;
  size_t rows_of_round() const { return rows_.size(); }
  size_t rows_left_out() const { return rows_left_out_; }
  const Corpus& corpus() const { return corpus_; }

 private:
  const Row& row(uint64_t number);

  Corpus corpus_;
  size_t length_, batch_rows_;
  uint64_t seed_;
  std::vector<Row> rows_;
  size_t rows_left_out_ = 0;
  uint64_t round_ = 0;
  std::vector<size_t> order_;  // of round_
};

}  // namespace starnest::train
