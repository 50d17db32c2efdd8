// From the number of a tile's tokens, known when it runs, to the code compiled for it. Included once by each file of
// intrinsics; the anonymous namespace keeps their code apart, since they are compiled with different flags.
#pragma once

#include <cstddef>
#include <utility>

#include "kernels/cpu/matmul_tile.h"

namespace starnest::cpu {
namespace {

using Run = void (*)(const PanelTile&);

template <template <size_t tokens, bool ahead> class Tile, bool ahead, size_t... n>
Run pick(size_t tokens, std::index_sequence<n...>) {
  static constexpr Run kRuns[] = {Tile<n + 1, ahead>::run...};
  return kRuns[tokens - 1];
}

// Runs Tile<tokens, reads ahead>::run, of up to `most` tokens.
template <template <size_t tokens, bool ahead> class Tile, size_t most>
void run_tile(const PanelTile& tile) {
  constexpr auto kCounts = std::make_index_sequence<most>();
  (tile.reads_ahead ? pick<Tile, true>(tile.tokens, kCounts) : pick<Tile, false>(tile.tokens, kCounts))(tile);
}

}  // namespace
}  // namespace starnest::cpu
