// What matmul and expert_matmul share: tokens packed in tiles, and panels run against them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/view.h"
#include "kernels/cpu/activations.h"
#include "kernels/cpu/matmul_tile.h"
#include "kernels/cpu/panels.h"
#include "kernels/exec.h"
#include "kernels/packed_matrix.h"

namespace starnest::cpu {

// A token of a ragged batch: its row of x, and how many shells it uses.
struct TileToken {
  const float* x;
  size_t shells;
};

// A few tokens, `shells` never grows, packed as the kernels read them.
struct TokenTile {
  std::span<const TileToken> tokens;
  size_t first = 0;       // row of y of the first token
  uint32_t* x = nullptr;  // their packed numbers

  // Tokens that use more than `shell` shells.
  size_t reaching(size_t shell) const {
    size_t n = 0;
    while (n < tokens.size() && tokens[n].shells > shell) ++n;
    return n;
  }
};

// Cuts tokens into tiles of nearly equal numbers, with room for their packed numbers from the arena. `columns` are
// those of the largest size.
std::span<TokenTile> cut_tiles(Arena& arena, std::span<const TileToken> tokens, size_t first, size_t columns,
                               const InputForm& form);

// Packs a tile's x as far as each token's shells reach.
void pack_tile(const TokenTile& tile, const PackedMatrix& w, const InputForm& form);

// Panels [begin, end) of w, counted over all shells, against all tiles.
struct PanelRange {
  size_t begin, end;
};
void run_panels(const MatmulKernels& kernels, const PackedMatrix& w, std::span<const TokenTile> tiles,
                PanelRange panels, MatView<float> y);

size_t panel_count(const PackedMatrix& w);

// What shell s holds of a panel whose rows shell `row_shell` <= s added: `columns` columns from `first_column`.
struct PanelSegment {
  const std::byte* panel;
  size_t first_column, columns;
};
PanelSegment segment_of(const PackedMatrix& w, size_t row_shell, size_t s, size_t panel);

// Work of one thread for a panel against `tokens` tokens, in units that add up: reading it costs as much as this many
// tokens of arithmetic.
inline constexpr size_t kReadTokens = 8;

}  // namespace starnest::cpu
