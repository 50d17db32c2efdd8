#include "kernels/packed_matrix.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/check.h"

namespace starnest {
namespace {

PackedShell before(std::span<const PackedShell> shells, size_t s) { return s == 0 ? PackedShell{} : shells[s - 1]; }
size_t panels(size_t rows) { return (rows + kPanelRows - 1) / kPanelRows; }

// A panel is [groups][kPanelRows] units, so packing is a transposition of units: one F32 or a pair of BF16.
constexpr size_t kUnit = 4;         // bytes
constexpr size_t kChunk = 16;       // groups in turn: a cache line of every row
constexpr size_t kTileStride = 17;  // units; odd, so that a column of the tile meets different cache sets

// `bytes` of the rows from byte `offset`, zeros elsewhere, as [kPanelRows][kTileStride] units.
void gather_tile(std::span<const std::byte* const> source, size_t offset, size_t bytes, uint32_t* tile) {
  for (size_t r = 0; r < kPanelRows; ++r) {
    uint32_t* row = tile + r * kTileStride;
    if (r < source.size() && bytes == kChunk * kUnit) {
      std::memcpy(row, source[r] + offset, kChunk * kUnit);
    } else {
      std::fill_n(row, kChunk, 0u);
      if (r < source.size()) std::memcpy(row, source[r] + offset, bytes);
    }
  }
}

void scatter_tile(const uint32_t* tile, size_t groups, uint32_t* out) {
  for (size_t g = 0; g < groups; ++g)
    for (size_t r = 0; r < kPanelRows; ++r) out[g * kPanelRows + r] = tile[r * kTileStride + g];
}

}  // namespace

ShellPanels panels_of(std::span<const PackedShell> shells, size_t s) {
  ShellPanels place;
  for (size_t i = 0; i < s; ++i) place.before += panels(shells[i].rows - before(shells, i).rows);
  place.own = panels(shells[s].rows - before(shells, s).rows);
  return place;
}

size_t panel_bytes(DType dtype, size_t cols) {
  const size_t padded = dtype == DType::bf16 ? (cols + 1) / 2 * 2 : cols;
  return padded * kPanelRows * size_of(dtype);
}

size_t rows_block_offset(DType dtype, std::span<const PackedShell> shells, size_t s) {
  return panels_of(shells, s).before * panel_bytes(dtype, shells[s].cols - before(shells, s).cols);
}

size_t shell_bytes(DType dtype, std::span<const PackedShell> shells, size_t s) {
  return rows_block_offset(dtype, shells, s) + panels_of(shells, s).own * panel_bytes(dtype, shells[s].cols);
}

void pack_panel(DType dtype, std::span<const std::byte* const> source, size_t cols, std::byte* panel) {
  SN_CHECK(source.size() <= kPanelRows, "more rows than a panel has");
  SN_CHECK(dtype == DType::f32 || dtype == DType::bf16, "panels hold F32 or BF16");
  const size_t row_bytes = cols * size_of(dtype), groups = (row_bytes + kUnit - 1) / kUnit;
  auto* out = reinterpret_cast<uint32_t*>(panel);
  uint32_t tile[kPanelRows * kTileStride];
  for (size_t g = 0; g < groups; g += kChunk) {
    gather_tile(source, g * kUnit, std::min(kChunk * kUnit, row_bytes - g * kUnit), tile);
    scatter_tile(tile, std::min(kChunk, groups - g), out + g * kPanelRows);
  }
}

}  // namespace starnest
