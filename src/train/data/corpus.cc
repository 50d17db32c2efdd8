#include "train/data/corpus.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"
#include "starnest/error.h"

namespace starnest::train {

Corpus Corpus::open(const std::vector<std::string>& files, const Tokenizer& tokenizer, DocumentSettings settings,
                    const std::function<void(const std::string&)>& note) {
  Corpus corpus;
  for (const std::string& file : files) {
    const std::string prefix = std::filesystem::path(file).replace_extension().string();
    if ((file.ends_with(".bin") || file.ends_with(".idx")) && is_token_shard(prefix))
      throw Error(
          {.where = file, .what = "is half of a token shard", .hint = "Give what both halves begin with: " + prefix});
    if (is_token_shard(file)) {
      corpus.add_shard(file, tokenizer.size());
      continue;
    }
    const DocumentCounts counts = read_documents(file, tokenizer, settings, note, [&](const TokenDocument& document) {
      corpus.entries_.push_back({document.ids.size(), document.completion_start, corpus.texts_.size(), nullptr});
      corpus.texts_.insert(corpus.texts_.end(), document.ids.begin(), document.ids.end());
    });
    if (counts.empty > 0) note(file + ": " + empty_text(counts));
    settings.most_bad -= counts.bad;
    corpus.tokens_ += counts.tokens;
  }
  if (corpus.tokens_ == 0) throw Error(join(files, " "), "holds no tokens");
  return corpus;
}

void Corpus::add_shard(const std::string& prefix, size_t vocabulary) {
  shards_.push_back(std::make_unique<TokenShard>(prefix));
  const TokenShard& shard = *shards_.back();
  std::vector<TokenId> ids;
  for (size_t sequence = 0; sequence < shard.sequences(); ++sequence) {
    ids.resize(shard.length(sequence));
    if (ids.empty()) continue;
    shard.read(sequence, 0, ids);
    const TokenId largest = *std::max_element(ids.begin(), ids.end());
    if (size_t(largest) >= vocabulary)
      throw Error({.where = prefix + ".bin, sequence " + std::to_string(sequence),
                   .what = "has an id outside the vocabulary",
                   .expected = "ids below " + grouped(vocabulary),
                   .got = std::to_string(largest),
                   .hint = "Tokenise the corpus with the model's own tokenizer (starnest tokenize)"});
    entries_.push_back({ids.size(), 0, sequence, &shard});
    tokens_ += ids.size();
  }
}

std::vector<size_t> Corpus::lengths() const {
  std::vector<size_t> lengths;
  for (const Entry& entry : entries_) lengths.push_back(entry.length);
  return lengths;
}

void Corpus::read(size_t document, size_t first, std::span<TokenId> out) const {
  const Entry& entry = entries_[document];
  SN_CHECK(first + out.size() <= entry.length, "tokens outside the document");
  if (entry.shard) return entry.shard->read(entry.place, first, out);
  std::copy_n(texts_.begin() + int64_t(entry.place + first), out.size(), out.begin());
}

}  // namespace starnest::train
