#include "train/data/packing.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "base/rng.h"

namespace starnest::train {
namespace {

constexpr uint64_t kPieceStream = 11, kRowStream = 12;

}  // namespace

std::vector<Row> pack(std::span<const size_t> lengths, size_t row_length, uint64_t seed) {
  SN_CHECK(row_length >= 1, "a row holds at least one token");
  std::vector<Piece> pieces;
  for (size_t document = 0; document < lengths.size(); ++document)
    for (size_t begin = 0; begin < lengths[document]; begin += row_length)
      pieces.push_back({document, begin, std::min(row_length, lengths[document] - begin)});
  Rng rng(key_of(seed, kPieceStream));
  shuffle(pieces, rng);

  std::vector<Row> rows;
  std::set<std::pair<size_t, size_t>> open;  // (room, row): the fullest first
  for (const Piece& piece : pieces) {
    const auto found = open.lower_bound({piece.length, 0});
    size_t room = row_length, row = rows.size();
    if (found == open.end()) {
      rows.emplace_back();
    } else {
      std::tie(room, row) = *found;
      open.erase(found);
    }
    rows[row].push_back(piece);
    if (room > piece.length) open.insert({room - piece.length, row});
  }
  return rows;
}

std::vector<size_t> shuffled_order(size_t count, uint64_t seed, uint64_t epoch) {
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  Rng rng(key_of(seed, kRowStream, epoch));
  shuffle(order, rng);
  return order;
}

}  // namespace starnest::train
