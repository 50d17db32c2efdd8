#include "kernels/cpu/panel_run.h"

#include <algorithm>

#include "base/check.h"

namespace starnest::cpu {
namespace {

// Where a panel stands: the shell that added its rows, and its rows.
struct PanelPlace {
  size_t shell;
  size_t first_row, rows;
};

PackedShell before(const PackedMatrix& w, size_t s) { return s == 0 ? PackedShell{} : w.shells[s - 1]; }

PanelPlace place_of(const PackedMatrix& w, size_t panel) {
  for (size_t s = 0; s < w.shells.size(); ++s) {
    const auto [first, own] = panels_of(kPanels, w.shells, s);
    if (panel >= first + own) continue;
    const size_t row = before(w, s).rows + (panel - first) * kPanelRows;
    return {s, row, std::min(kPanelRows, w.shells[s].rows - row)};
  }
  SN_CHECK(false, "no such panel");
}

enum class Sum { begins, continues };
enum class Ahead { no, yes };

// Runs consecutive columns of a panel against the first `tokens` tokens of a tile.
void run_columns(const MatmulKernels& kernels, const PackedMatrix& w, const TokenTile& tile, size_t tokens,
                 const PanelPlace& place, const PanelSegment& columns, Sum sum, Ahead ahead, MatView<float> y) {
  const PanelKernel& kernel = kernels.with(w.encoding);
  const size_t stride = tile.tokens.size();
  const PanelTile call{.panel = columns.panel,
                       .columns = columns.columns,
                       .x = tile.x + words_of(kernel.reads, columns.first_column) * stride,
                       .x_stride = stride,
                       .tokens = tokens,
                       .y = y.row(tile.first) + place.first_row,
                       .y_stride = y.stride,
                       .rows = place.rows,
                       .continues = sum == Sum::continues,
                       .reads_ahead = ahead == Ahead::yes};
  kernel.run(call);
}

// Runs one panel's block of shell s against a tile.
void run_segment(const MatmulKernels& kernels, const PackedMatrix& w, const TokenTile& tile, const PanelPlace& place,
                 size_t s, size_t panel, Ahead ahead, MatView<float> y) {
  const size_t tokens = tile.reaching(s);
  if (tokens == 0) return;
  const PanelSegment segment = segment_of(w, place.shell, s, panel);
  const Sum sum = s > place.shell ? Sum::continues : Sum::begins;
  if (sum == Sum::continues && segment.columns == 0) return;
  run_columns(kernels, w, tile, tokens, place, segment, sum, ahead, y);
}

// Runs one panel against a tile, its columns in w.sum_order.
void run_in_order(const MatmulKernels& kernels, const PackedMatrix& w, const TokenTile& tile, const PanelPlace& place,
                  size_t panel, MatView<float> y) {
  Sum sum = Sum::begins;
  for (const ColumnRun& run : w.sum_order) {
    const size_t s = std::max(run.shell, place.shell), tokens = tile.reaching(s);
    if (s >= w.shells.size() || tokens == 0) continue;
    const PanelSegment block = segment_of(w, place.shell, s, panel);
    const std::byte* columns = block.panel + panel_bytes(w.encoding, run.begin - block.first_column);
    run_columns(kernels, w, tile, tokens, place, {columns, run.begin, run.count}, sum, Ahead::no, y);
    sum = Sum::continues;
  }
}

constexpr size_t kAheadTokens = 8;  // from so many tokens on, arithmetic leaves time for reading ahead

}  // namespace

const MatmulKernels& kernels_of(Isa isa) {
#if defined(__x86_64__)
  static const MatmulKernels kKernels[] = {portable_kernels(), avx2_kernels(), avx512_kernels(), avx512bf16_kernels()};
  return kKernels[size_t(isa)];
#else
  static const MatmulKernels kKernels = portable_kernels();
  (void)isa;
  return kKernels;
#endif
}

PanelSegment segment_of(const PackedMatrix& w, size_t row_shell, size_t s, size_t panel) {
  const size_t first_column = row_shell == s ? 0 : before(w, s).cols, columns = w.shells[s].cols - first_column;
  const std::byte* block = w.shells[s].data;
  if (row_shell == s) {
    block += rows_block_offset(kPanels, w.encoding, w.shells, s);
    panel -= panels_of(kPanels, w.shells, s).before;
  }
  return {block + panel * panel_bytes(w.encoding, columns), first_column, columns};
}

size_t panel_count(const PackedMatrix& w) {
  if (w.shells.empty()) return 0;
  const auto [first, own] = panels_of(kPanels, w.shells, w.shells.size() - 1);
  return first + own;
}

std::span<TokenTile> cut_tiles(Arena& arena, std::span<const TileToken> tokens, size_t first, size_t columns,
                               const InputForm& form) {
  const size_t count = (tokens.size() + form.max_tokens - 1) / form.max_tokens;
  const size_t words = words_of(form.reads, columns);
  const std::span<TokenTile> tiles = arena.array<TokenTile>(count);
  const std::span<uint32_t> x = arena.array<uint32_t>(words * tokens.size());
  for (size_t i = 0; i < count; ++i) {
    const size_t begin = tokens.size() * i / count, end = tokens.size() * (i + 1) / count;
    tiles[i] = {tokens.subspan(begin, end - begin), first + begin, x.data() + words * begin};
  }
  return tiles;
}

void pack_tile(const TokenTile& tile, const PackedMatrix& w, const InputForm& form) {
  const size_t stride = tile.tokens.size();
  for (size_t j = 0; j < stride; ++j) {
    const size_t columns = w.first(tile.tokens[j].shells).cols();
    pack_token(form, tile.tokens[j].x, columns, tile.x + j, stride);
  }
}

void run_panels(const MatmulKernels& kernels, const PackedMatrix& w, std::span<const TokenTile> tiles,
                PanelRange panels, MatView<float> y) {
  if (tiles.empty()) return;
  const size_t shells = tiles.front().tokens.front().shells;
  if (!w.sum_order.empty()) {
    for (size_t panel = panels.begin; panel < panels.end; ++panel)
      for (const TokenTile& tile : tiles) run_in_order(kernels, w, tile, place_of(w, panel), panel, y);
    return;
  }
  if (tiles.size() == 1) {  // every weight is read once, each block in one stream
    const Ahead ahead = tiles.front().tokens.size() >= kAheadTokens ? Ahead::yes : Ahead::no;
    for (size_t s = 0; s < shells; ++s)
      for (size_t panel = panels.begin; panel < panels.end; ++panel) {
        const PanelPlace place = place_of(w, panel);
        if (place.shell > s) break;
        run_segment(kernels, w, tiles.front(), place, s, panel, ahead, y);
      }
    return;
  }
  for (size_t panel = panels.begin; panel < panels.end; ++panel) {  // a panel stays in cache for all tiles
    const PanelPlace place = place_of(w, panel);
    for (size_t i = 0; i < tiles.size(); ++i)
      for (size_t s = place.shell; s < shells; ++s)
        run_segment(kernels, w, tiles[i], place, s, panel, i == 0 ? Ahead::yes : Ahead::no, y);
  }
}

}  // namespace starnest::cpu
