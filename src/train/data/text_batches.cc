#include "train/data/text_batches.h"

#include <algorithm>

#include "base/check.h"
#include "starnest/error.h"

namespace starnest::train {
namespace {

// Whether a token of the piece is predicted and learned.
bool is_learned(const Piece& piece, const Corpus& corpus) {
  return piece.length > 1 && piece.begin + piece.length > corpus.completion_start(piece.document);
}

}  // namespace

TextBatches::TextBatches(Corpus corpus, size_t length, size_t rows, uint64_t seed)
    : corpus_(std::move(corpus)),
      length_(length),
      batch_rows_(rows),
      seed_(seed),
      rows_(pack(corpus_.lengths(), length, seed)) {
  SN_CHECK(batch_rows_ >= 1, "a batch has at least one row");
  rows_left_out_ = std::erase_if(rows_, [&](const Row& row) {
    return std::none_of(row.begin(), row.end(), [&](const Piece& piece) { return is_learned(piece, corpus_); });
  });
  if (rows_.empty())
    throw Error({.where = "text",
                 .what = "has no token to learn",
                 .expected = "a completion, or a document of two tokens or more",
                 .got = std::to_string(corpus_.size()) + " documents without one"});
  order_ = shuffled_order(rows_.size(), seed_, 0);
}

const Row& TextBatches::row(uint64_t number) {
  const uint64_t round = number / rows_.size();
  if (round != round_) {
    round_ = round;
    order_ = shuffled_order(rows_.size(), seed_, round);
  }
  return rows_[order_[number % rows_.size()]];
}

BatchTensors TextBatches::at(uint64_t index) {
  const int64_t R = int64_t(batch_rows_), T = int64_t(length_);
  std::vector<int64_t> ids(size_t(R * T), 0), segments(size_t(R * T), 0), targets(size_t(R * T), 0);
  std::vector<float> mask(size_t(R * T), 0), valid(size_t(R * T), 0);
  BatchTensors batch;
  std::vector<TokenId> piece_ids;
  for (size_t r = 0; r < batch_rows_; ++r) {
    size_t at = r * length_;
    int64_t segment = 0;
    for (const Piece& piece : row(index * batch_rows_ + r)) {
      piece_ids.resize(piece.length);
      corpus_.read(piece.document, piece.begin, piece_ids);
      const size_t learned_from = corpus_.completion_start(piece.document);
      for (size_t i = 0; i < piece.length; ++i, ++at) {
        ids[at] = piece_ids[i];
        segments[at] = segment;
        valid[at] = 1;
        if (i + 1 == piece.length) continue;
        targets[at] = piece_ids[i + 1];
        mask[at] = piece.begin + i + 1 >= learned_from ? 1.0f : 0.0f;
      }
      ++segment;
      batch.tokens += int64_t(piece.length);
    }
    for (; at < (r + 1) * length_; ++at) segments[at] = segment;
  }
  batch.ids = torch::tensor(ids).view({R, T});
  batch.segments = torch::tensor(segments).view({R, T});
  batch.mask = torch::tensor(mask).view({R, T});
  batch.valid = torch::tensor(valid).view({R, T});
  batch.completion = batch.mask.flatten().nonzero().squeeze(1);
  batch.targets = torch::tensor(targets).index_select(0, batch.completion);
  batch.positions = batch.completion.numel();
  batch.rows = R;
  return batch;
}

}  // namespace starnest::train
