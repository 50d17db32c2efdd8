// Which pieces of which documents share a row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace starnest::train {

// Tokens [begin, begin + length) of a document.
struct Piece {
  size_t document = 0, begin = 0, length = 0;
  bool operator==(const Piece&) const = default;
};
using Row = std::vector<Piece>;

// Documents longer than a row are cut; every piece goes to the fullest row that still has room for it (best fit), and a
// new row is begun when none has. The order of pieces, and so what meets in a row, follows from `seed`; no token is
// lost and none comes twice. `lengths` in tokens, row_length >= 1. Empty documents make no piece.
std::vector<Row> pack(std::span<const size_t> lengths, size_t row_length, uint64_t seed);

// The order in which `count` rows are read in round `epoch`: a permutation.
std::vector<size_t> shuffled_order(size_t count, uint64_t seed, uint64_t epoch);

}  // namespace starnest::train
