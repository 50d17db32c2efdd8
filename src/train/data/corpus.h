// The documents of a training corpus as token ids, wherever they lie.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "format/text/documents.h"
#include "format/text/token_shards.h"

namespace starnest::train {

// Several files as one list of documents. Token shards stay on disk and are mapped; text is tokenised when it is opened
// and held as ids. Immutable once opened; safe from any thread.
class Corpus {
 public:
  // A file is PREFIX of token shards (PREFIX.bin, PREFIX.idx), JSON lines or plain text (format/text/documents.h; its
  // end mark and limit of bad documents in `settings`, whose limit is for all files together). `note` is told what is
  // left out, empty documents by their number. Throws Error for a file that cannot be read and for ids that a
  // vocabulary of this size does not have.
  static Corpus open(const std::vector<std::string>& files, const Tokenizer& tokenizer, DocumentSettings settings,
                     const std::function<void(const std::string&)>& note);

  size_t size() const { return entries_.size(); }
  uint64_t tokens() const { return tokens_; }
  std::vector<size_t> lengths() const;
  size_t completion_start(size_t document) const { return entries_[document].completion_start; }
  void read(size_t document, size_t first, std::span<TokenId> out) const;

 private:
  struct Entry {
    size_t length, completion_start;
    size_t place;             // in texts_, or the number of the sequence
    const TokenShard* shard;  // nullptr: in texts_
  };
  Corpus() = default;
  void add_shard(const std::string& prefix, size_t vocabulary);

  std::vector<std::unique_ptr<TokenShard>> shards_;
  std::vector<TokenId> texts_;
  std::vector<Entry> entries_;
  uint64_t tokens_ = 0;
};

}  // namespace starnest::train
